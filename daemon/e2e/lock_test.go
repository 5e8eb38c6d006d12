package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"wxtokend/daemon/testnet"

	"golang.org/x/crypto/bcrypt"
)

// selfSigned writes server.crt, for 127.0.0.1, and server.key into dir.
func selfSigned(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	certificate, key, err := testnet.SelfSigned(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/server.crt", string(certificate))
	writeFile(t, dir+"/server.key", string(key))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// lockedDaemon is one whose endpoint is locked; its base is that of the probes.
type lockedDaemon struct {
	*daemon
	key, dir string
	// Where the lock is, and the user and password that open it.
	addr, right string
	// As it was started, but with the ports that it got.
	config string
}

const bearer = "Bearer bearer-token"

func startLocked(t *testing.T) (l lockedDaemon, roots *x509.CertPool) {
	t.Helper()
	w := inParallel(t, "stable", scaled())
	l = lockedDaemon{key: w.key, dir: t.TempDir()}
	roots = selfSigned(t, l.dir)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, l.dir+"/web.yml", "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"+
		"basic_auth_users: {prometheus: \""+string(hash)+"\"}\n")
	writeFile(t, l.dir+"/token", strings.TrimPrefix(bearer, "Bearer "))
	const open, probes = `listen: "127.0.0.1:0"`, `probes_listen: "127.0.0.1:0"`
	config := strings.Replace(w.config(), open, fmt.Sprintf("%s, %s, web_config_file: %s/web.yml, token_file: %s/token",
		open, probes, l.dir, l.dir), 1)
	l.daemon = run(t, config)
	l.addr = strings.TrimPrefix(l.base, "http://")
	plain := regexp.MustCompile(`"probes":"([^"]+)"`).FindStringSubmatch(l.out.String())[1]
	l.base = "http://" + plain
	l.config = filepath.Join(l.dir, "config.yaml")
	config = strings.Replace(config, probes, fmt.Sprintf("probes_listen: %q", plain), 1)
	writeFile(t, l.config, strings.Replace(config, open, fmt.Sprintf("listen: %q", l.addr), 1))
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth("prometheus", password)
	l.right = request.Header.Get("Authorization")
	l.expect("/readyz", http.StatusOK, startup)
	return l, roots
}

// ask makes one request on a connection of its own.
func (l lockedDaemon) ask(method, url, authorization string, roots *x509.CertPool) (int, error) {
	l.t.Helper()
	client := http.Client{Timeout: startup, Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots}}}
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// TestLock asks a daemon whose endpoint is locked: a scraper with the password
// is let in by TLS and nobody else, a refresh needs its own token alone, and
// the probes stay open on their own port.
func TestLock(t *testing.T) {
	l, roots := startLocked(t)
	l.expect("/healthz", http.StatusOK, 0)
	l.expect("/status", http.StatusNotFound, 0)
	l.expect("/metrics", http.StatusNotFound, 0)
	for _, c := range []struct {
		method, url, authorization string
		want                       int
	}{
		{"GET", "https://" + l.addr + "/metrics", l.right, http.StatusOK},
		{"GET", "https://" + l.addr + "/status", l.right, http.StatusOK},
		{"GET", "https://" + l.addr + "/status", "", http.StatusUnauthorized},
		{"GET", "https://" + l.addr + "/", "", http.StatusUnauthorized},
		{"GET", "https://" + l.addr + "/healthz", "", http.StatusUnauthorized},
		{"GET", "https://" + l.addr + "/status", bearer, http.StatusUnauthorized},
		{"GET", "https://" + l.addr + "/refresh/" + l.key, "", http.StatusUnauthorized},
		{"POST", "https://" + l.addr + "/refresh/" + l.key, l.right, http.StatusUnauthorized},
		{"POST", "https://" + l.addr + "/refresh/" + l.key, bearer, http.StatusAccepted},
		{"GET", "http://" + l.addr + "/status", l.right, http.StatusBadRequest},
	} {
		if code, err := l.ask(c.method, c.url, c.authorization, roots); err != nil || code != c.want {
			t.Errorf("%s %s with %.6q: %d %v, want %d", c.method, c.url, c.authorization, code, err, c.want)
		}
	}
	renewed := selfSigned(t, l.dir)
	eventually(t, startup, "the renewed certificate is served", func() error {
		_, err := l.ask("GET", "https://"+l.addr+"/status", l.right, renewed)
		return err
	})
	if _, err := l.ask("GET", "https://"+l.addr+"/status", l.right, roots); err == nil {
		t.Error("the old certificate is served as well")
	}
}

// The commands ask the port of the probes, or say how the lock is opened.
func TestCommandsOfALockedDaemon(t *testing.T) {
	l, _ := startLocked(t)
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"healthcheck", "", 0},
		{"status", "name the daemon by --url https://", 2},
		{"status --url https://prometheus:" + password + "@" + l.addr, l.key, 0},
		{"status --url https://" + l.addr, "401", 1},
		{"refresh --url https://" + l.addr, "", 0},
	} {
		cmd := exec.Command(binary, append(strings.Fields(c.args), "--config", l.config)...)
		cmd.Env = append(cmd.Environ(), "SSL_CERT_FILE="+l.dir+"/server.crt")
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%.20s: exit %d, want %d: %s", c.args, cmd.ProcessState.ExitCode(), c.code, out)
		}
	}
}
