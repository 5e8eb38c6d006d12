// const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'), null, true);
// api.registerTicketHandle(fromRedis(redis, 'WXTicket'), async () => {});
module.exports = (redis, key) => async () => {
  const text = JSON.parse(await redis.get(key)).access_token;
  // The key ends with what it holds.
  return { accessToken: text, ticket: text, expireTime: Infinity };
};
