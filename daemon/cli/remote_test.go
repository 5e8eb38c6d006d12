package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxtokend/daemon/cli"
)

const password = "CANARY-pass/word"

// invoke runs a command line with an empty environment.
func invoke(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	code, stdout, stderr := invokeIn(t, nil, args...)
	return code, stdout + stderr
}

// Whatever is wrong with an address, the password in it is not repeated.
func TestPasswordsOfAddressesAreNotEchoed(t *testing.T) {
	addresses := []string{
		"http://ops:" + password + "@127.0.0.1:1", "http://ops:CANARY@127.0.0.1:1", "ftp://ops:CANARY@127.0.0.1:1",
		"http://ops:CANARY@:1",
		"http://ops:CANARY@127.0.0.1:port", "http://ops:CANARY@127.0.0.1:1/?x", "http://ops:CANARY%zz@127.0.0.1:1",
		"ops:CANARY@127.0.0.1:1",
		"http://127.0.0.1:1/#CANARY",
	}
	for _, address := range addresses {
		for _, args := range [][]string{
			{"status", "--url", address}, {"status", "--url=" + address}, {"healthcheck", "--url", address},
			{"status", "--ulr=" + address}, {"explain", "--url=" + address}, {"--url=" + address, "status"},
		} {
			if code, output := invoke(t, args...); code == 0 || strings.Contains(output, "CANARY") || output == "" {
				t.Errorf("%q: exit %d: %s", args, code, output)
			}
		}
	}
}

// A daemon behind a proxy that asks for a password can be asked.
func TestAddressWithAPassword(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "ops" || pass != password {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"version": "1", "instance": "behind", "credentials": []any{}})
	}))
	defer behind.Close()
	escaped := strings.ReplaceAll(password, "/", "%2F")
	address := strings.Replace(behind.URL, "http://", "http://ops:"+escaped+"@", 1)
	if code, output := invoke(t, "status", "--url", address); code != 0 ||
		!strings.Contains(output, "wxtokend 1 on behind") {
		t.Errorf("exit %d: %s", code, output)
	}
	wrong := strings.Replace(address, escaped, "CANARY", 1)
	code, output := invoke(t, "status", "--url", wrong)
	if code != cli.ExitFailure || strings.Contains(output, "CANARY") ||
		!strings.Contains(output, "http://ops:xxxxx@127.0.0.1:") || !strings.Contains(output, "401") {
		t.Errorf("exit %d: %s", code, output)
	}
}

// A refresh has one header for authorisation, and needs it for its own token.
func TestRefreshOfAnAddressWithAPassword(t *testing.T) {
	asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request) {
		t.Error("the daemon was asked")
	}))
	defer asked.Close()
	file := filepath.Join(t.TempDir(), "config.yaml")
	config := "credentials: [{appid: wx0123456789abcdef, secret: 0123456789abcdef0123456789abcdef}]\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	code, output := invoke(t, "refresh", "--config", file, "--url",
		strings.Replace(asked.URL, "http://", "http://ops:CANARY@", 1))
	if code == 0 || strings.Contains(output, "CANARY") || !strings.Contains(output, "without user and password") {
		t.Errorf("exit %d: %s", code, output)
	}
}

// A key that looks like a part of a path reaches the daemon as it is.
func TestRefreshOfOddKeys(t *testing.T) {
	var got string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /refresh/{key...}", func(w http.ResponseWriter, r *http.Request) {
		got = r.PathValue("key")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"message":"accepted"}`)
	})
	daemon := httptest.NewServer(mux)
	defer daemon.Close()
	file := filepath.Join(t.TempDir(), "config.yaml")
	config := "credentials: [{appid: wx0123456789abcdef, secret: 0123456789abcdef0123456789abcdef}]\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"WXAccessToken", ".", "..", "a/b", "a//b", "../a", "{a}:b?c#d%41", "公众号"} {
		if code, output := invoke(t, "refresh", "--config", file, "--url", daemon.URL+"/", key); code != 0 || got != key {
			t.Errorf("%q: exit %d, the daemon got %q: %s", key, code, got, output)
		}
	}
}
