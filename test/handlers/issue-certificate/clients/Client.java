// Reads cases from standard input, one a line: id|port|host|CA file|certificate file or -|key file or -
// and says of each whether a TLS client that wants to reach the host accepts what listens on 127.0.0.1.
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static Collection<? extends Certificate> certificates(String file) throws Exception {
        return CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(Files.readAllBytes(Path.of(file))));
    }

    static KeyStore empty() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    static void attempt(int port, String host, String ca, String cert, String key) throws Exception {
        KeyStore trusted = empty();
        int count = 0;
        for (Certificate each : certificates(ca)) trusted.setCertificateEntry("ca" + count++, each);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        KeyStore own = empty();
        if (!cert.equals("-")) {
            String pem = Files.readString(Path.of(key)).replaceAll("-----[A-Z ]+-----|\\s", "");
            PrivateKey privateKey = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
            own.setKeyEntry("own", privateKey, new char[0], certificates(cert).toArray(new Certificate[0]));
        }
        keys.init(own, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        Socket plain = new Socket();
        plain.connect(new InetSocketAddress("127.0.0.1", port), 10_000);
        plain.setSoTimeout(10_000);
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            String greeting = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
            if (!"hello".equals(greeting)) throw new Exception("another greeting");
        }
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] part = line.split("\\|");
            String said = "accepted";
            try {
                attempt(Integer.parseInt(part[1]), part[2], part[3], part[4], part[5]);
            } catch (Exception error) {
                said = error.toString().replaceAll("\\s+", " ");
            }
            System.out.println(part[0] + "|" + said);
        }
    }
}
