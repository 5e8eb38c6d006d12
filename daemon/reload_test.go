package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/config"
)

// desk is a configuration that a test writes.
type desk struct {
	mu      sync.Mutex
	content string
	config  config.Config
	err     error
	loads   int
	// What hangs until the daemon gives up: a look at the content, or reading it.
	lookHangs, readHangs bool
}

func (d *desk) Reload(ctx context.Context, _ config.Digest) (config.Config, error) {
	d.wait(ctx, &d.readHangs)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return config.Config{}, err
	}
	d.loads++
	if d.content == "panic" {
		panic("a bug in the reader")
	}
	c := d.config
	c.Credentials = slices.Clone(c.Credentials)
	return c, d.err
}

func (d *desk) Digest(ctx context.Context) config.Digest {
	d.wait(ctx, &d.lookHangs)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.content == "" {
		return config.Digest{}
	}
	return sha256.Sum256([]byte(d.content))
}

func (d *desk) wait(ctx context.Context, hangs *bool) {
	d.mu.Lock()
	forever := *hangs
	d.mu.Unlock()
	if forever {
		<-ctx.Done()
	}
}

// write is a new content, with what it means.
func (d *desk) write(content string, err error, change func(c *config.Config)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.content, d.err = content, err
	d.config.Credentials = slices.Clone(d.config.Credentials)
	change(&d.config)
}

func (d *desk) read() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.loads
}

// onDesk is a world of three accounts, whose daemon keeps the first of them and
// reads its configuration from a desk.
func onDesk(t *testing.T, body func(w *world, d *desk, all []config.Credential)) {
	t.Helper()
	inWorldOfMany(t, 3, "stable", func(w *world) {
		all := w.config.Credentials
		w.config.Credentials = all[:1]
		d := &desk{config: w.config}
		w.source, w.reread = d, make(chan os.Signal, 1)
		w.start()
		w.wait(time.Second)
		body(w, d, all)
	})
}

func keysOf(w *world) (keys []string) {
	for _, c := range w.daemon.shown() {
		keys = append(keys, c.Key)
	}
	return keys
}

// TestReload: what is written is in force within three looks, and read once.
func TestReload(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		w.wait(time.Minute)
		if d.read() != 0 {
			t.Errorf("read %d times without a change", d.read())
		}
		d.write("two", nil, func(c *config.Config) { c.Credentials = all[:2] })
		w.wait(3 * watchEvery)
		if d.read() != 1 || len(keysOf(w)) != 2 || w.daemon.Ready() != nil {
			t.Errorf("read %d times, keys %q, not ready %v", d.read(), keysOf(w), w.daemon.Ready())
		}
		w.wait(time.Hour)
		if d.read() != 1 || w.logged("read again\" added=1 changed=0 removed=0") != 1 || w.daemon.Overview().Notes != nil {
			t.Errorf("read %d times, notes %q\n%s", d.read(), w.daemon.Overview().Notes, w.story())
		}
	})
}

// TestReloadWhileWritten: a file that somebody is still writing is left alone.
func TestReloadWhileWritten(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		for i := range 20 {
			d.write(strings.Repeat("half ", i+1), errors.New("half a file"), func(*config.Config) {})
			w.wait(watchEvery)
		}
		d.write("whole", nil, func(c *config.Config) { c.Credentials = all })
		w.wait(3 * watchEvery)
		if d.read() != 1 || len(keysOf(w)) != 3 {
			t.Errorf("read %d times, keys %q\n%s", d.read(), keysOf(w), w.story())
		}
	})
}

// TestReloadRefused: a bad configuration changes nothing, is told of once, and
// tried again, as it may name a file that comes later.
func TestReloadRefused(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		const reason = "config.yaml:7: credentials[1].secret_file: /run/secrets/new: no such file"
		d.write("bad", errors.New(reason), func(c *config.Config) { c.Credentials = nil })
		w.wait(10 * time.Minute)
		if len(keysOf(w)) != 1 || w.daemon.Ready() != nil || w.logged("is refused") != 1 || w.logged(reason) != 1 {
			t.Errorf("keys %q, not ready %v\n%s", keysOf(w), w.daemon.Ready(), w.story())
		}
		if tries := d.read(); tries < 9 || tries > 11 {
			t.Errorf("tried %d times in ten minutes, want once a minute", tries)
		}
		notes := w.daemon.Overview().Notes
		if len(notes) != 1 || !strings.Contains(notes[0], reason) {
			t.Errorf("notes %q", notes)
		}
		if _, body := w.get("/metrics"); !strings.Contains(body, "wxtokend_config_last_reload_successful 0") {
			t.Error("no metric says so")
		}
		d.write("bad", nil, func(c *config.Config) { c.Credentials = all[:2] }) // the secret has come
		w.wait(retryEvery + watchEvery)
		if len(keysOf(w)) != 2 || w.daemon.Overview().Notes != nil {
			t.Errorf("keys %q, notes %q", keysOf(w), w.daemon.Overview().Notes)
		}
		if _, body := w.get("/metrics"); !strings.Contains(body, "wxtokend_config_last_reload_successful 1") {
			t.Error("no metric says that it is over")
		}
	})
}

// TestReloadNeedsRestart: what cannot change while it runs is named, and all
// else is in force.
func TestReloadNeedsRestart(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		d.write("other", nil, func(c *config.Config) {
			c.Credentials, c.HTTP.Listen, c.Redis.Timeout = all[1:], ":1", time.Second
		})
		w.wait(10 * watchEvery)
		if keys := keysOf(w); len(keys) != 2 || keys[0] != all[1].Key ||
			w.logged("need a restart; all else is in force\" options=\"http.listen, redis.timeout\"") != 1 {
			t.Errorf("keys %q\n%s", keys, w.story())
		}
		if notes := w.daemon.Overview().Notes; len(notes) != 1 || !strings.Contains(notes[0], "http.listen, redis.timeout") {
			t.Errorf("notes %q", notes)
		}
		d.write("as before", nil, func(c *config.Config) { c.HTTP, c.Redis = w.config.HTTP, w.config.Redis })
		w.wait(10 * watchEvery)
		if notes := w.daemon.Overview().Notes; notes != nil {
			t.Errorf("notes %q when nothing needs a restart any more", notes)
		}
		// A lease that only fits a timeout that needs a restart.
		d.write("short", nil, func(c *config.Config) {
			c.Credentials = all
			c.Credentials[2].Lease = 3 * time.Second
			c.WeChat.Timeout, c.Redis.Timeout = time.Second, time.Second
		})
		w.wait(10 * watchEvery)
		if notes := w.daemon.Overview().Notes; len(keysOf(w)) != 2 || len(notes) != 1 ||
			!strings.Contains(notes[0], "lease 3s is shorter than the 9s") {
			t.Errorf("keys %q, notes %q", keysOf(w), notes)
		}
	})
}

// TestReloadAsked: a signal is answered soon, also where nothing has changed.
func TestReloadAsked(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		w.reread <- syscall.SIGHUP
		w.wait(settleTime)
		if d.read() != 1 || w.logged("read again\" added=0 changed=0 removed=0") != 1 {
			t.Errorf("read %d times\n%s", d.read(), w.story())
		}
		d.write("two", nil, func(c *config.Config) { c.Credentials = all[:2] })
		w.reread <- syscall.SIGHUP
		w.wait(settleTime + time.Second)
		if len(keysOf(w)) != 2 || w.daemon.Ready() != nil {
			t.Errorf("two seconds after the signal: keys %q, not ready %v", keysOf(w), w.daemon.Ready())
		}
		d.write("bad", errors.New("bad"), func(*config.Config) {})
		for range 3 {
			w.reread <- syscall.SIGHUP
			w.wait(settleTime)
		}
		if w.logged("is refused") != 3 {
			t.Errorf("three signals, answered %d times", w.logged("is refused"))
		}
		w.wait(time.Minute)
		if read := d.read(); read > 6 {
			t.Errorf("read %d times", read)
		}
	})
}

// TestReloadAskedWhileWritten: a signal in the middle of writing, or many of
// them, is answered when the whole file is there.
func TestReloadAskedWhileWritten(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		for i := range 20 {
			d.write(strings.Repeat("half ", i+1), nil, func(c *config.Config) { c.Credentials = all[1:2] })
			w.reread <- syscall.SIGHUP
			w.wait(settleTime / 2)
		}
		d.write("whole", nil, func(c *config.Config) { c.Credentials = all })
		w.wait(2 * settleTime)
		if d.read() != 1 || len(keysOf(w)) != 3 || w.logged("read again\" added=2 changed=0 removed=0") != 1 {
			t.Errorf("read %d times, keys %q\n%s", d.read(), keysOf(w), w.story())
		}
	})
}

// TestReloadHangs: a configuration on a file system that hangs holds up neither
// the looks nor the end.
func TestReloadHangs(t *testing.T) {
	for name, hang := range map[string]func(d *desk){
		"looked at": func(d *desk) { d.lookHangs = true },
		"read":      func(d *desk) { d.readHangs = true },
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(w *world, d *desk, _ []config.Credential) {
				d.mu.Lock()
				hang(d)
				d.mu.Unlock()
				w.reread <- syscall.SIGHUP
				w.wait(time.Minute)
				if err := w.daemon.Live(); err != nil || w.daemon.Ready() != nil {
					t.Errorf("live %v, not ready %v", err, w.daemon.Ready())
				}
				start := time.Now()
				w.kill()
				if took := time.Since(start); took > time.Second || w.logged("is refused") != 0 {
					t.Errorf("the end took %v\n%s", took, w.story())
				}
			})
		})
	}
}

// TestReloadPanics: a bug in reading a configuration ends nothing.
func TestReloadPanics(t *testing.T) {
	onDesk(t, func(w *world, d *desk, all []config.Credential) {
		d.write("panic", nil, func(*config.Config) {})
		w.wait(time.Minute)
		if w.logged("level=ERROR msg=\"panic") != 1 || w.daemon.Ready() != nil || len(w.daemon.Overview().Notes) != 1 {
			t.Errorf("not ready %v\n%s", w.daemon.Ready(), w.story())
		}
		d.write("well", nil, func(c *config.Config) { c.Credentials = all })
		w.wait(3 * watchEvery)
		synctest.Wait()
		if len(keysOf(w)) != 3 {
			t.Errorf("keys %q after a panic", keysOf(w))
		}
	})
}
