// const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'));
module.exports = (redis, key) => callback => redis.get(key, (err, text) => {
  if (err || !text) {
    return callback(err || new Error(`${key} is missing: look at wxtokend`));
  }
  callback(null, { accessToken: JSON.parse(text).access_token, expireTime: Infinity });
});
