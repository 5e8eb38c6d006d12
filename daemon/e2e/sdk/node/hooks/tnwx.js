// ApiConfigKit.setCache = fromRedis(redis, { [appid]: 'WXAccessToken' });
module.exports = (redis, keys) => ({
  async get(name) {
    const text = await redis.get(keys[name]);
    if (!text) throw new Error(`${keys[name]} is missing: look at wxtokend`);
    return text;
  },
  async set() {},
  async remove() {},
});
