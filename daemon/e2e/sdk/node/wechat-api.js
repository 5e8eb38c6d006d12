const { promisify } = require('node:util');
const WechatAPI = require('wechat-api');
const fromRedis = require('./hooks/wechat-api.js');

module.exports = ({ appid, redis, wechat }) => {
  const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'));
  const ticket = fromRedis(redis, 'WXTicket');
  api.registerTicketHandle((type, callback) => ticket(callback), (type, ticket, callback) => callback());
  api.endpoint = wechat;
  return {
    async call() {
      await promisify(api.getIp).call(api);
      return {};
    },
    jsapi_ticket: async () => ({ ticket: (await promisify(api.getLatestTicket).call(api)).ticket }),
  };
};
