// service.cacheAdapter = fromRedis(redis, 'WXAccessToken');
module.exports = (redis, key) => ({
  async get(name) {
    if (!name.startsWith('key_access_token')) return undefined;
    return { access_token: JSON.parse(await redis.get(key)).access_token, expires_in: Infinity };
  },
  set() {},
  remove() {},
});
