// Apps on the SDKs of npm: node main.js SDK classic|stable. APPID, SECRET and the base URL WECHAT are all that they
// know. Each prints the token that its SDK fetched, with which a call was made.
const { promisify } = require('node:util');
const { APPID, SECRET, WECHAT } = process.env;

const apps = {
  'co-wechat-api': async () => {
    const WechatAPI = require('co-wechat-api');
    const api = new WechatAPI(APPID, SECRET);
    api.prefix = `${WECHAT}/cgi-bin/`;
    await api.getIp();
    return (await api.getToken()).accessToken;
  },
  'wechat-api': async () => {
    const WechatAPI = require('wechat-api');
    const api = new WechatAPI(APPID, SECRET);
    api.endpoint = WECHAT;
    await promisify(api.getIp).call(api);
    return (await promisify(api.getToken).call(api)).accessToken;
  },
  'node-easywechat': async channel => {
    const { OfficialAccount } = require('node-easywechat');
    const app = new OfficialAccount({
      app_id: APPID, secret: SECRET, use_stable_access_token: channel === 'stable', http: { baseURL: WECHAT },
    });
    // The default is a file in the directory of the system.
    const kept = new Map();
    app.setCache({
      get: async key => kept.get(key),
      has: async key => kept.has(key),
      set: async (key, value) => !!kept.set(key, value),
      delete: async key => kept.delete(key),
    });
    const answer = (await app.getClient().get('/cgi-bin/getcallbackip')).toObject();
    if (!answer.ip_list) throw new Error(JSON.stringify(answer));
    return app.getAccessToken().getToken();
  },
};

apps[process.argv[2]](process.argv[3]).then(
  token => console.log(token),
  error => { console.error(error); process.exit(1); },
);
