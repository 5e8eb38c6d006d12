// app.setAccessToken(fromRedis(redis, 'WXAccessToken'));
module.exports = (redis, key) => ({
  async getToken() {
    return JSON.parse(await redis.get(key)).access_token;
  },
  async toQuery() {
    return { access_token: await this.getToken() };
  },
});
