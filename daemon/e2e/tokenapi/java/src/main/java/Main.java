import cn.binarywang.wx.miniapp.api.impl.WxMaServiceImpl;
import cn.binarywang.wx.miniapp.config.impl.WxMaDefaultConfigImpl;
import java.util.List;
import me.chanjar.weixin.common.enums.TicketType;
import me.chanjar.weixin.common.error.WxErrorException;
import me.chanjar.weixin.cp.api.impl.WxCpServiceImpl;
import me.chanjar.weixin.cp.config.impl.WxCpDefaultConfigImpl;
import me.chanjar.weixin.mp.api.impl.WxMpServiceImpl;
import me.chanjar.weixin.mp.config.WxMpHostConfig;
import me.chanjar.weixin.mp.config.impl.WxMpDefaultConfigImpl;

/**
 * Apps on WxJava, in memory: Main SERVICE [stable]. APPID, SECRET, AGENTID of WeCom and the base URL WECHAT are all that
 * they know. Each prints the token that its SDK fetched, with which a call was made, and the tickets.
 */
public class Main {
  private static final String ID = System.getenv("APPID");
  private static final String SECRET = System.getenv("SECRET");
  private static final String WECHAT = System.getenv("WECHAT");

  public static void main(String[] args) throws WxErrorException {
    System.out.println(String.join(" ", app(args[0], args.length > 1)));
  }

  private static List<String> app(String service, boolean stable) throws WxErrorException {
    switch (service) {
      case "mp":
        return mp(stable);
      case "miniapp":
        return miniapp(stable);
      case "miniapp-token":
        return miniappToken();
      case "cp":
        return cp();
      default:
        throw new IllegalArgumentException(service);
    }
  }

  private static List<String> mp(boolean stable) throws WxErrorException {
    WxMpDefaultConfigImpl config = new WxMpDefaultConfigImpl();
    config.setAppId(ID);
    config.setSecret(SECRET);
    config.useStableAccessToken(stable);
    WxMpHostConfig hosts = new WxMpHostConfig();
    hosts.setApiHost(WECHAT);
    config.setHostConfig(hosts);
    WxMpServiceImpl service = new WxMpServiceImpl();
    service.setWxMpConfigStorage(config);
    service.getCallbackIP();
    return List.of(service.getAccessToken(), service.getJsapiTicket(), service.getTicket(TicketType.WX_CARD));
  }

  private static WxMaDefaultConfigImpl miniappConfig() {
    WxMaDefaultConfigImpl config = new WxMaDefaultConfigImpl();
    config.setAppid(ID);
    config.setSecret(SECRET);
    return config;
  }

  private static List<String> miniapp(boolean stable) throws WxErrorException {
    WxMaDefaultConfigImpl config = miniappConfig();
    config.useStableAccessToken(stable);
    config.setApiHostUrl(WECHAT);
    WxMaServiceImpl service = new WxMaServiceImpl();
    service.setWxMaConfig(config);
    service.get("https://api.weixin.qq.com/cgi-bin/getcallbackip", null);
    return List.of(service.getAccessToken(), service.getJsapiService().getJsapiTicket());
  }

  /** Its calls would go to WeChat itself, which is not to be had here. */
  private static List<String> miniappToken() throws WxErrorException {
    WxMaDefaultConfigImpl config = miniappConfig();
    config.setAccessTokenUrl(WECHAT + "/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s");
    WxMaServiceImpl service = new WxMaServiceImpl();
    service.setWxMaConfig(config);
    service.get(WECHAT + "/cgi-bin/getcallbackip", null);
    return List.of(service.getAccessToken());
  }

  private static List<String> cp() throws WxErrorException {
    WxCpDefaultConfigImpl config = new WxCpDefaultConfigImpl();
    config.setCorpId(ID);
    config.setAgentId(Integer.valueOf(System.getenv("AGENTID")));
    config.setCorpSecret(SECRET);
    config.setBaseApiUrl(WECHAT);
    WxCpServiceImpl service = new WxCpServiceImpl();
    service.setWxCpConfigStorage(config);
    service.getCallbackIp();
    return List.of(service.getAccessToken(), service.getJsapiTicket(), service.getAgentJsapiTicket());
  }
}
