const {
  AccessTokenApi, ApiConfig, ApiConfigKit, HttpKit, JsTicketApi, QyAccessTokenApi, QyApiConfigKit, QyJsApiType,
  QyJsTicketApi, TemplateApi,
} = require('tnwx');
const fromRedis = require('./hooks/tnwx.js');

module.exports = ({ mode, appid, agent, secret, redis }) => {
  const store = {
    get: key => redis.get(key),
    set: (key, json) => redis.set(key, json),
    remove: key => redis.del(key),
  };
  if (mode === 'work') {
    QyApiConfigKit.putApiConfig(new ApiConfig(agent, secret, 'token', false, undefined, appid));
    QyApiConfigKit.setCurrentAppId(agent, appid);
    QyApiConfigKit.setCache = store;
    return work;
  }
  if (mode === 'moved') {
    AccessTokenApi.url = AccessTokenApi.url.replace('https://api.weixin.qq.com', process.env.TOKEN_URL);
  }
  ApiConfigKit.putApiConfig(new ApiConfig(appid, secret, 'token'));
  ApiConfigKit.setCache = mode === 'hook' ? fromRedis(redis, { [appid]: 'WXAccessToken' }) : store;
  return official;
};

const official = {
  async call() {
    const answer = await TemplateApi.send(JSON.stringify({ touser: 'o', template_id: 't', data: {} }));
    return answer.errcode === 0 ? {} : { error: JSON.stringify(answer) };
  },
  jsapi_ticket: async () => ({ ticket: (await JsTicketApi.getTicket('jsapi')).getTicket }),
};

const work = {
  // The SDK has no call of WeCom that is harmless, but its means to make one.
  async call() {
    const token = (await QyAccessTokenApi.getAccessToken()).getAccessToken;
    const url = `https://qyapi.weixin.qq.com/cgi-bin/getcallbackip?access_token=${token}`;
    const answer = await HttpKit.getHttpDelegate.httpGet(url);
    return answer.errcode === 0 ? {} : { error: JSON.stringify(answer) };
  },
  wecom_jsapi_ticket: async () => ({ ticket: (await QyJsTicketApi.getTicket(QyJsApiType.CORP)).getTicket }),
  wecom_agent_ticket: async () => ({ ticket: (await QyJsTicketApi.getTicket(QyJsApiType.AGENT)).getTicket }),
};
