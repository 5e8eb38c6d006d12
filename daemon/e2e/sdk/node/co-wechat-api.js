const WechatAPI = require('co-wechat-api');
const fromRedis = require('./hooks/co-wechat-api.js');

module.exports = ({ appid, redis, wechat }) => {
  const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'), null, true);
  api.registerTicketHandle(fromRedis(redis, 'WXTicket'), async () => {});
  api.prefix = `${wechat}/cgi-bin/`;
  return {
    async call() {
      await api.getIp();
      return {};
    },
    jsapi_ticket: async () => ({ ticket: (await api.ensureTicket('jsapi')).ticket }),
  };
};
