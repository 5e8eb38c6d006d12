const { ApiConfig, ApiConfigKit, JsTicketApi, TemplateApi } = require('tnwx');
const fromRedis = require('./hooks/tnwx.js');

module.exports = ({ mode, appid, secret, redis }) => {
  ApiConfigKit.putApiConfig(new ApiConfig(appid, secret, 'token'));
  ApiConfigKit.setCache = mode === 'hook' ? fromRedis(redis, { [appid]: 'WXAccessToken' }) : {
    get: key => redis.get(key),
    set: (key, json) => redis.set(key, json),
    remove: key => redis.del(key),
  };
  return {
    async call() {
      const answer = await TemplateApi.send(JSON.stringify({ touser: 'o', template_id: 't', data: {} }));
      return answer.errcode === 0 ? {} : { error: JSON.stringify(answer) };
    },
    jsapi_ticket: async () => ({ ticket: (await JsTicketApi.getTicket('jsapi')).getTicket }),
  };
};
