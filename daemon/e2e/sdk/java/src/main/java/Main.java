import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.concurrent.Callable;

/** The client of daemon/e2e/sdk that is WxJava on Jedis. */
public class Main {
  public static void main(String[] args) throws Exception {
    Trust.only(System.getenv("SSL_CERT_FILE"));
    Map<String, Callable<?>> commands = new Apps().commands(System.getenv("MODE"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject answer = new JsonObject();
      try {
        Object said = commands.get(line).call();
        if (!line.equals("call")) {
          answer.addProperty("ticket", (String) said);
        }
      } catch (Exception e) {
        answer.addProperty("error", e.toString());
      }
      System.out.println(answer);
    }
  }
}
