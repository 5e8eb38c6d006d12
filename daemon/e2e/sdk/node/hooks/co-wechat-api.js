// const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'), null, true);
module.exports = (redis, key) => async () => ({
  accessToken: JSON.parse(await redis.get(key)).access_token,
  // The key ends with the token.
  expireTime: Infinity,
});
