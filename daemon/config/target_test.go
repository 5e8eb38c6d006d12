package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxtokend/daemon/config"
)

// TestTargetFiles: a file has one writer, whatever it is called, and is read by nobody here.
func TestTargetFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	lists := filepath.Join(dir, "credentials.d")
	if err := os.Mkdir(lists, 0o700); err != nil {
		t.Fatal(err)
	}
	other := "/run/wx/token"
	for file, want := range map[string]string{
		"/run/wx/token2": "", "/run/wx/../wx/token": "two credentials", "/run//wx/token": "two credentials",
		"/run/wx/./token": "two credentials", "/run/wx/token2/": "absolute path of a file", "token": "absolute path",
		lists + "/token.yaml": "list of credentials", lists + "/../credentials.d/token.yml": "list of credentials",
		lists + "/token": "", dir + "/token.yaml": "",
	} {
		write(t, "config.yaml", "credentials:\n- {appid: a, secret: b, targets: [{file: "+other+"}]}\n"+
			"- {key: c, appid: d, secret: e, targets: [{file: "+file+"}]}\n")
		_, err := config.Source{Path: "config.yaml", Explicit: true, Getenv: getenv(nil)}.Load(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}
