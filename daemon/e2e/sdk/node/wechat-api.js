const { promisify } = require('node:util');
const WechatAPI = require('wechat-api');
const fromRedis = require('./hooks/wechat-api.js');

module.exports = ({ appid, redis, wechat }) => {
  const api = new WechatAPI(appid, null, fromRedis(redis, 'WXAccessToken'));
  api.endpoint = wechat;
  return {
    async call() {
      await promisify(api.getIp).call(api);
      return {};
    },
  };
};
