// const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'));
// const ticket = fromRedis(redis, 'WXTicket');
// api.registerTicketHandle((type, callback) => ticket(callback), (type, ticket, callback) => callback());
module.exports = (redis, key) => callback => redis.get(key, (err, json) => {
  if (err || !json) {
    return callback(err || new Error(`${key} is missing: look at wxtokend`));
  }
  const text = JSON.parse(json).access_token;
  callback(null, { accessToken: text, ticket: text, expireTime: Infinity });
});
