require('reflect-metadata');
const { WeChatService } = require('nest-wechat');
const fromRedis = require('./hooks/nest-wechat.js');

module.exports = ({ mode, appid, secret, redis }) => {
  const service = new WeChatService({ appId: appid, secret });
  service.cacheAdapter = mode === 'hook' ? fromRedis(redis, 'WXAccessToken') : {
    get: async key => JSON.parse(await redis.get(key)),
    set: (key, value, seconds) => redis.set(key, JSON.stringify(value), 'EX', seconds),
    remove: key => redis.del(key),
  };
  return {
    async call() {
      const answer = await service.sendTemplateMessage({ touser: 'o', template_id: 't', data: {} }, appid, secret);
      return answer.errcode === 0 ? {} : { error: JSON.stringify(answer) };
    },
  };
};
