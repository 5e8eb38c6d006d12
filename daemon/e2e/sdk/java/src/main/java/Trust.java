import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;

/** Java has no variable of the environment for the certificates that it trusts. */
final class Trust {
  private Trust() {}

  /** Makes the certificate in a PEM file the only one that this process trusts. */
  static void only(String pem) throws IOException, GeneralSecurityException {
    char[] password = "changeit".toCharArray();
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, password);
    try (InputStream in = new FileInputStream(pem)) {
      store.setCertificateEntry("wechat", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    Path file = Files.createTempFile("wechat", ".p12");
    file.toFile().deleteOnExit();
    try (OutputStream out = new FileOutputStream(file.toFile())) {
      store.store(out, password);
    }
    System.setProperty("javax.net.ssl.trustStore", file.toString());
    System.setProperty("javax.net.ssl.trustStorePassword", new String(password));
  }
}
