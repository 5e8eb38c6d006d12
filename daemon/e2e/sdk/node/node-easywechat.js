const { OfficialAccount, Work } = require('node-easywechat');
const fromRedis = require('./hooks/node-easywechat.js');

module.exports = ({ mode, appid, agent, secret, redis }) => {
  const app = mode === 'work'
    ? new Work({ corp_id: appid, secret })
    : new OfficialAccount({ app_id: appid, secret, use_stable_access_token: mode === 'stable' });
  if (mode === 'hook') {
    app.setAccessToken(fromRedis(redis, 'WXAccessToken'));
  } else {
    app.setCache({
      get: key => redis.get(key),
      has: async key => await redis.exists(key) === 1,
      set: async (key, value, seconds) => await redis.set(key, value, 'EX', seconds) === 'OK',
      delete: async key => await redis.del(key) === 1,
    });
  }
  return {
    async call() {
      const answer = (await app.getClient().get('/cgi-bin/getcallbackip')).toObject();
      return answer.ip_list ? {} : { error: JSON.stringify(answer) };
    },
    jsapi_ticket: async () => ({ ticket: await app.getTicket().getTicket() }),
    wecom_jsapi_ticket: async () => ({ ticket: await app.getTicket().getTicket() }),
    wecom_agent_ticket: async () => ({ ticket: await app.getTicket().getAgentTicket(agent) }),
  };
};
