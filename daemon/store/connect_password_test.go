package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// rotatingWorld logs in with a password from a file.
func rotatingWorld(t *testing.T) (w *world, file string) {
	t.Helper()
	s := sharedServer(t)
	admin := s.admin(t, 0)
	setUser(t, admin, "reset", "on", ">first", "~*", "+@all")
	file = filepath.Join(t.TempDir(), "password")
	write(t, file, []byte("first\r\n"))
	return newWorld(t, admin, store.Options{URL: secret.Secret("redis://wxtokend:unused@" + s.addr), PasswordFile: file}),
		file
}

func TestPasswordFileRotates(t *testing.T) {
	w, file := rotatingWorld(t)
	w.observe()
	setUser(t, w.admin, "<first", ">second")
	w.observe() // Redis lets those stay who are in
	write(t, file, []byte("second"))
	w.do("client", "kill", "user", "wxtokend")
	r := w.store.Observe(w.Context(), w.c)
	if r.Err != nil { // the dead connection may still have been in the pool
		w.observe()
	}
	check(t, "connections", strings.Count(w.do("client", "list").(string), "user=wxtokend"), 1)
}

func TestPasswordFileIsGone(t *testing.T) {
	w, file := rotatingWorld(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r := w.store.Observe(w.Context(), w.c)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "redis password: read "+file+": no such file") {
		t.Errorf("error = %v, want one that names the file", r.Err)
	}
	write(t, file, []byte("first"))
	w.observe()
}

// TestPasswordFileBecomesAPipe: what would hang for ever costs an error that
// names it, and the next connection reads the file that is right again.
func TestPasswordFileBecomesAPipe(t *testing.T) {
	w, file := rotatingWorld(t)
	w.observe()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	w.do("client", "kill", "user", "wxtokend")
	for range 3 { // the dead connection may still be in the pool
		r := w.store.Observe(w.Context(), w.c)
		if r.Err == nil {
			t.Fatal("observed without a password")
		}
		if strings.Contains(r.Err.Error(), file+": not a regular file") {
			break
		}
		t.Log(r.Err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	write(t, file, []byte("first"))
	w.observe()
}

const canary = "CANARYp4ss"

// A password is never repeated, however wrong the address around it is. Parts
// of it land in host, path, query or fragment when it is not percent-encoded.
func TestConnectRefusesWithoutPrintingThePassword(t *testing.T) {
	for _, url := range []string{
		"redis://wxtokend:" + canary + "%zz@127.0.0.1:6379",
		"redis://wxtokend:" + canary + "/x@127.0.0.1:6379",
		"redis://wxtokend:12/" + canary + "@127.0.0.1:6379/0",
		"redis://wxtokend:12?" + canary + "@127.0.0.1:6379/0",
		"redis://wxtokend:12#" + canary + "@127.0.0.1:6379/0",
		"redis://:" + canary + "@127.0.0.1:6379/" + canary,
		"redis://:" + canary + "@127.0.0.1:6379/-1",
		"redis://:" + canary + "@127.0.0.1:6379/1/2",
		"redis://:" + canary + "@127.0.0.1:port/0",
		"redis://:" + canary + " @127.0.0.1:6379",
		"unix://:12/" + canary + "@/run/redis.sock",
		"unix://:" + canary + "@/run/redis.sock?db=" + canary,
		"http://:" + canary + "@127.0.0.1:6379",
		canary + "://127.0.0.1",
		canary + ":x@127.0.0.1:6379",
		":" + canary + "@127.0.0.1:6379",
		canary + "@127.0.0.1:6379",
		canary,
	} {
		_, err := store.Connect(store.Options{URL: secret.Secret(url)})
		if err == nil {
			t.Errorf("%s: no error", url)
			continue
		}
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) ||
			!strings.HasPrefix(err.Error(), "redis.url: ") {
			t.Errorf("%s: error = %v", url, err)
		}
	}
}

func TestOperationsDoNotPrintThePassword(t *testing.T) {
	s := sharedServer(t)
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, []byte(canary))
	closed, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		o    store.Options
		want string
	}{
		{"wrong password in the URL", store.Options{URL: secret.Secret("redis://wxtokend:" + canary + "@" + s.addr)},
			"WRONGPASS"},
		{"percent-encoded", store.Options{URL: secret.Secret("redis://wxtokend:" + canary + "%2F%40@" + s.addr)},
			"WRONGPASS"},
		{"by socket", store.Options{URL: secret.Secret("unix://wxtokend:" + canary + "@" + s.socket)}, "WRONGPASS"},
		{"in the options", store.Options{URL: secret.Secret("redis://" + s.addr), Username: "nobody", Password: canary},
			"WRONGPASS"},
		{"in a file", store.Options{URL: secret.Secret("redis://wxtokend@" + s.addr), PasswordFile: file}, "WRONGPASS"},
		{"nobody listens", store.Options{URL: secret.Secret("redis://wxtokend:" + canary + "@" + closed)}, "refused"},
		{"plain to a TLS port", store.Options{URL: secret.Secret("redis://wxtokend:" + canary + "@" + s.tlsAddr)},
			"observe WXAccessToken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setUser(t, s.admin(t, 0), "reset", "on", ">right", "~*", "+@all")
			err := observeWith(t, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("error = %v, want %s without the password", err, tt.want)
			}
		})
	}
}

func TestPercentEncodedPassword(t *testing.T) {
	s := sharedServer(t)
	setUser(t, s.admin(t, 0), "reset", "on", ">p/a?s#s@:%", "~*", "+@all")
	expectObserve(t, store.Options{URL: secret.Secret("redis://wxtokend:p%2Fa%3Fs%23s%40%3A%25@" + s.addr)}, "")
}
