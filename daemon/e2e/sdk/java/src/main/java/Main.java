import cn.binarywang.wx.miniapp.api.impl.WxMaServiceImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaDefaultConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisBetterConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisConfigImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaRedisConnectionConfigImpl;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.concurrent.Callable;
import me.chanjar.weixin.common.redis.JedisWxRedisOps;
import me.chanjar.weixin.mp.api.impl.WxMpServiceImpl;
import me.chanjar.weixin.mp.config.impl.WxMpDefaultConfigImpl;
import me.chanjar.weixin.mp.config.impl.WxMpRedisConfigImpl;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPool;

/** The client of daemon/e2e/sdk that is WxJava on Jedis. */
public class Main {
  private final String mode = System.getenv("MODE");
  private final String appid = System.getenv("APPID");
  private final String secret = System.getenv("SECRET");
  private final URI proxy = URI.create(System.getenv("HTTPS_PROXY"));
  private final URI redis = URI.create(System.getenv("REDIS_URL"));
  private final JedisPool pool = new JedisPool(redis);

  public static void main(String[] args) throws Exception {
    Trust.only(System.getenv("SSL_CERT_FILE"));
    Callable<?> call = new Main().caller();
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    while (commands.readLine() != null) {
      JsonObject answer = new JsonObject();
      try {
        call.call();
      } catch (Exception e) {
        answer.addProperty("error", e.toString());
      }
      System.out.println(answer);
    }
  }

  private Callable<?> caller() {
    switch (mode) {
      case "mp":
      case "mp stable":
        return mp(new WxMpRedisConfigImpl(new JedisWxRedisOps(pool), "wx"));
      case "mp hook":
        return mp(new FromRedis(pool));
      case "miniapp":
        return miniapp(new WxMaRedisBetterConfigImpl(new JedisWxRedisOps(pool), "wa"));
      case "miniapp old":
        return miniapp(new WxMaRedisConfigImpl(pool));
      case "miniapp hash":
        WxMaRedisConnectionConfigImpl config = new WxMaRedisConnectionConfigImpl(new Jedis(redis));
        // The SDK closes its only connection after each use, and a new one is in database 0.
        config.setJedisConfig(jedis -> {
          jedis.select(Integer.parseInt(redis.getPath().substring(1)));
          return jedis;
        });
        return miniapp(config);
      default:
        throw new IllegalArgumentException(mode);
    }
  }

  private Callable<?> mp(WxMpDefaultConfigImpl config) {
    config.setAppId(appid);
    config.setSecret(mode.equals("mp hook") ? null : secret);
    config.useStableAccessToken(mode.equals("mp stable"));
    config.setHttpProxyHost(proxy.getHost());
    config.setHttpProxyPort(proxy.getPort());
    WxMpServiceImpl service = new WxMpServiceImpl();
    service.setWxMpConfigStorage(config);
    return service::getCallbackIP;
  }

  private Callable<?> miniapp(WxMaDefaultConfigImpl config) {
    config.setAppid(appid);
    config.setSecret(secret);
    config.setHttpProxyHost(proxy.getHost());
    config.setHttpProxyPort(proxy.getPort());
    WxMaServiceImpl service = new WxMaServiceImpl();
    service.setWxMaConfig(config);
    return () -> service.get("https://api.weixin.qq.com/cgi-bin/getcallbackip", null);
  }
}
