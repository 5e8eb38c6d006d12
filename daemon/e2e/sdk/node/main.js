// Clients of daemon/e2e/sdk: node main.js SDK
const readline = require('node:readline');
const Redis = require('ioredis');

async function main() {
  const { MODE, APPID, AGENTID, SECRET, REDIS_URL, WECHAT_URL } = process.env;
  const redis = new Redis(REDIS_URL);
  const commands = require(`./${process.argv[2]}.js`)({
    mode: MODE, appid: APPID, agent: AGENTID, secret: SECRET, redis, wechat: WECHAT_URL,
  });
  for await (const command of readline.createInterface({ input: process.stdin })) {
    const answer = await commands[command]().catch(error => ({ error: String(error.message || error) }));
    console.log(JSON.stringify(answer));
  }
  // Some caches have no way to end their connection.
  process.exit();
}

main();
