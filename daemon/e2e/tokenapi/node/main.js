// Apps on the SDKs of npm: node main.js SDK [classic|stable]. APPID, SECRET, AGENTID of WeCom and the base URL WECHAT
// are all that they know. Each prints the token that its SDK fetched, with which a call was made, and the tickets.
const { promisify } = require('node:util');
const { APPID, SECRET, AGENTID, WECHAT } = process.env;

// The default is a file in the directory of the system.
function inMemory(app) {
  const kept = new Map();
  app.setCache({
    get: async key => kept.get(key),
    has: async key => kept.has(key),
    set: async (key, value) => !!kept.set(key, value),
    delete: async key => kept.delete(key),
  });
  return app;
}

async function call(app) {
  const answer = (await app.getClient().get('/cgi-bin/getcallbackip')).toObject();
  if (!answer.ip_list) throw new Error(JSON.stringify(answer));
}

const apps = {
  'co-wechat-api': async () => {
    const WechatAPI = require('co-wechat-api');
    const api = new WechatAPI(APPID, SECRET);
    api.prefix = `${WECHAT}/cgi-bin/`;
    api.registerTicketHandle();
    await api.getIp();
    return [(await api.getToken()).accessToken, (await api.ensureTicket('jsapi')).ticket];
  },
  'wechat-api': async () => {
    const WechatAPI = require('wechat-api');
    const api = new WechatAPI(APPID, SECRET);
    api.endpoint = WECHAT;
    api.registerTicketHandle();
    await promisify(api.getIp).call(api);
    const token = await promisify(api.getToken).call(api);
    return [token.accessToken, (await promisify(api.getLatestTicket).call(api)).ticket];
  },
  'node-easywechat': async channel => {
    const { OfficialAccount } = require('node-easywechat');
    const app = inMemory(new OfficialAccount({
      app_id: APPID, secret: SECRET, use_stable_access_token: channel === 'stable', http: { baseURL: WECHAT },
    }));
    await call(app);
    return [await app.getAccessToken().getToken(), await app.getTicket().getTicket()];
  },
  'node-easywechat-work': async () => {
    const { Work } = require('node-easywechat');
    const app = inMemory(new Work({ corp_id: APPID, secret: SECRET, http: { baseURL: WECHAT } }));
    await call(app);
    const tickets = app.getTicket();
    return [await app.getAccessToken().getToken(), await tickets.getTicket(), await tickets.getAgentTicket(AGENTID)];
  },
};

apps[process.argv[2]](process.argv[3]).then(
  got => console.log(got.join(' ')),
  error => { console.error(error); process.exit(1); },
);
