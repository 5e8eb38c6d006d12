// const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'), null, true);
module.exports = (redis, key) => async () => ({
  accessToken: JSON.parse(await redis.get(key)).access_token,
  expireTime: Infinity, // Redis deletes the key when the token ends
});
