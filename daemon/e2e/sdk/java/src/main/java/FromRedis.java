import com.google.gson.JsonParser;
import me.chanjar.weixin.mp.config.impl.WxMpDefaultConfigImpl;
import redis.clients.jedis.*;

/** For service.setWxMpConfigStorage(new FromRedis(pool)). */
public class FromRedis extends WxMpDefaultConfigImpl {
  private final transient JedisPool pool;

  public FromRedis(JedisPool pool) { this.pool = pool; }

  @Override public boolean isAccessTokenExpired() { return false; }

  @Override public String getAccessToken() {
    try (Jedis jedis = pool.getResource()) {
      return JsonParser.parseString(jedis.get("WXAccessToken")).getAsJsonObject().get("access_token").getAsString();
    }
  }
}
