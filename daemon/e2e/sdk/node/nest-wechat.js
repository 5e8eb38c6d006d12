require('reflect-metadata');
const cacheManager = require('cache-manager');
const store = require('cache-manager-redis-store');
const { RedisCache, WeChatService } = require('nest-wechat');
const fromRedis = require('./hooks/nest-wechat.js');

module.exports = ({ mode, appid, secret, redis }) => {
  const service = new WeChatService({ appId: appid, secret });
  service.cacheAdapter = mode === 'hook'
    ? fromRedis(redis, 'WXAccessToken')
    : new RedisCache(cacheManager.caching({ store, url: process.env.REDIS_URL }));
  return {
    async call() {
      const answer = await service.sendTemplateMessage({ touser: 'o', template_id: 't', data: {} }, appid, secret);
      return answer.errcode === 0 ? {} : { error: JSON.stringify(answer) };
    },
    jsapi_ticket: async () => ({ ticket: await service.getTicket(appid, secret) }),
  };
};
