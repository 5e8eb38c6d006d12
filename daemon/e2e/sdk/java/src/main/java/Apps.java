import cn.binarywang.wx.miniapp.api.impl.WxMaServiceImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaDefaultConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisBetterConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisConnectionConfigImpl;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.Callable;
import me.chanjar.weixin.common.enums.TicketType;
import me.chanjar.weixin.common.redis.JedisWxRedisOps;
import me.chanjar.weixin.cp.api.impl.WxCpServiceImpl;
import me.chanjar.weixin.cp.config.impl.AbstractWxCpInRedisConfigImpl;
import me.chanjar.weixin.mp.api.impl.WxMpServiceImpl;
import me.chanjar.weixin.mp.config.impl.WxMpDefaultConfigImpl;
import me.chanjar.weixin.mp.config.impl.WxMpRedisConfigImpl;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPool;

/** The services of WxJava, each with a storage in Redis, and with the prefix of its starter. */
class Apps {
  private final String account = System.getenv("APPID");
  private final String secret = System.getenv("SECRET");
  private final URI proxy = URI.create(System.getenv("HTTPS_PROXY"));
  private final URI redis = URI.create(System.getenv("REDIS_URL"));
  private final JedisPool pool = new JedisPool(redis);
  private final JedisWxRedisOps ops = new JedisWxRedisOps(pool);

  Map<String, Callable<?>> commands(String mode) {
    switch (mode) {
      case "mp":
        return mp(new WxMpRedisConfigImpl(ops, "wx"));
      case "mp stable":
        WxMpRedisConfigImpl stable = new WxMpRedisConfigImpl(ops, "wx");
        stable.useStableAccessToken(true);
        return mp(stable);
      case "mp hook":
        return mp(new FromRedis(pool));
      case "miniapp":
        return miniapp(new WxMaRedisBetterConfigImpl(ops, "wa"));
      case "miniapp old":
        return miniapp(new WxMaRedisConfigImpl(pool));
      case "miniapp hash":
        return miniapp(hash());
      case "miniapp moved":
        return moved();
      case "cp":
        return cp(new AbstractWxCpInRedisConfigImpl(ops, "wx:cp") {});
      default:
        throw new IllegalArgumentException(mode);
    }
  }

  private Map<String, Callable<?>> mp(WxMpDefaultConfigImpl config) {
    config.setAppId(account);
    config.setSecret(secret);
    config.setHttpProxyHost(proxy.getHost());
    config.setHttpProxyPort(proxy.getPort());
    WxMpServiceImpl service = new WxMpServiceImpl();
    service.setWxMpConfigStorage(config);
    return Map.of("call", service::getCallbackIP, "jsapi_ticket", service::getJsapiTicket,
        "wx_card_ticket", () -> service.getTicket(TicketType.WX_CARD));
  }

  /** The oldest storage, which has one connection. */
  private WxMaDefaultConfigImpl hash() {
    WxMaRedisConnectionConfigImpl config = new WxMaRedisConnectionConfigImpl(new Jedis(redis));
    // The SDK closes its only connection after each use, and a new one is in database 0.
    config.setJedisConfig(jedis -> {
      jedis.select(Integer.parseInt(redis.getPath().substring(1)));
      return jedis;
    });
    return config;
  }

  private Map<String, Callable<?>> miniapp(WxMaDefaultConfigImpl config) {
    config.setAppid(account);
    config.setSecret(secret);
    config.setHttpProxyHost(proxy.getHost());
    config.setHttpProxyPort(proxy.getPort());
    WxMaServiceImpl service = new WxMaServiceImpl();
    service.setWxMaConfig(config);
    return Map.of("call", () -> service.get("https://api.weixin.qq.com/cgi-bin/getcallbackip", null),
        "jsapi_ticket", () -> service.getJsapiService().getJsapiTicket());
  }

  /** The token from another URL. The SDK would have its proxy fetch even that. */
  private Map<String, Callable<?>> moved() {
    WxMaDefaultConfigImpl config = new WxMaDefaultConfigImpl();
    config.setAppid(account);
    config.setSecret(secret);
    config.setAccessTokenUrl(System.getenv("TOKEN_URL")
        + "/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s");
    WxMaServiceImpl service = new WxMaServiceImpl();
    service.setWxMaConfig(config);
    return Map.of("call", () -> service.get(System.getenv("WECHAT_URL") + "/cgi-bin/getcallbackip", null));
  }

  private Map<String, Callable<?>> cp(AbstractWxCpInRedisConfigImpl config) {
    config.setCorpId(account);
    config.setAgentId(Integer.valueOf(System.getenv("AGENTID")));
    config.setCorpSecret(secret);
    config.setHttpProxyHost(proxy.getHost());
    config.setHttpProxyPort(proxy.getPort());
    WxCpServiceImpl service = new WxCpServiceImpl();
    service.setWxCpConfigStorage(config);
    return Map.of("call", service::getCallbackIp, "wecom_jsapi_ticket", service::getJsapiTicket,
        "wecom_agent_ticket", service::getAgentJsapiTicket);
  }
}
