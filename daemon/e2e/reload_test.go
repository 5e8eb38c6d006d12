package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount is a directory of files as the kubelet keeps it: each file is a link
// through ..data, and a new version is another directory to which that is swapped.
type mount struct {
	*testing.T
	dir     string
	version int
}

// put makes files the only ones, by their names.
func (m *mount) put(files map[string]string) {
	m.Helper()
	must := func(err error) {
		m.Helper()
		if err != nil {
			m.Fatal(err)
		}
	}
	m.version++
	version := fmt.Sprintf("..version_%d", m.version)
	must(os.MkdirAll(filepath.Join(m.dir, version), 0o700))
	for name, text := range files {
		writeFile(m, filepath.Join(m.dir, version, name), text)
	}
	must(os.Symlink(version, filepath.Join(m.dir, "..data_tmp")))
	must(os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")))
	entries, err := os.ReadDir(m.dir)
	must(err)
	for _, e := range entries {
		if _, stays := files[e.Name()]; !strings.HasPrefix(e.Name(), "..") && !stays {
			must(os.Remove(filepath.Join(m.dir, e.Name())))
		}
	}
	for name := range files {
		if err := os.Symlink("..data/"+name, filepath.Join(m.dir, name)); !os.IsExist(err) {
			must(err)
		}
	}
	if m.version > 1 {
		must(os.RemoveAll(filepath.Join(m.dir, fmt.Sprintf("..version_%d", m.version-1))))
	}
}

// tells waits until /status lists these keys, all fresh, and one note for each text.
func (d *daemon) tells(within time.Duration, keys []string, notes ...string) {
	d.t.Helper()
	eventually(d.t, within, fmt.Sprintf("/status lists %q with notes of %q", keys, notes), func() error {
		_, body := d.get("/status")
		var status struct {
			Notes       []string
			Credentials []struct{ Key, State string }
		}
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			return err
		}
		var listed []string
		for _, c := range status.Credentials {
			if listed = append(listed, c.Key); c.State != "fresh" {
				return fmt.Errorf("%s is %s", c.Key, c.State)
			}
		}
		if !slices.Equal(listed, keys) || len(status.Notes) != len(notes) {
			return fmt.Errorf("it lists %q with %q", listed, status.Notes)
		}
		for i, note := range notes {
			if !strings.Contains(status.Notes[i], note) {
				return fmt.Errorf("it notes %q", status.Notes)
			}
		}
		return nil
	})
}

// TestReload: one process, whose configuration changes as in a cluster, by a
// swapped link, by a list that comes and goes, and by SIGHUP. The first account
// stays and never notices.
func TestReload(t *testing.T) {
	beside(t)
	accounts := []account{newAccount("stable")}
	for i := 1; i < 3; i++ {
		a := newAccount("stable")
		a.appid, a.key = fmt.Sprintf("wx%016d", i), fmt.Sprintf("%s:%d", testKey, i)
		accounts = append(accounts, a)
	}
	redis, sim := startRedis(t), startWeChat(t, 2*time.Hour, 5*time.Minute, accounts...)
	s := settings{redis: redis.section(t)}
	m := &mount{T: t, dir: t.TempDir()}
	put := func(text string) { m.put(map[string]string{"config.yaml": text}) }
	put(s.yaml(sim.url, accounts[0]))
	d := launchFrom(t, filepath.Join(m.dir, "config.yaml"))
	d.listens()
	keys := []string{accounts[0].key, accounts[1].key, accounts[2].key}
	d.tells(startup, keys[:1])
	reader := watch(t, redis, sim, accounts[0], 20*time.Millisecond)
	reader.good(startup)
	reader.forget()

	const watched = 30 * time.Second
	put(s.yaml(sim.url, accounts[:2]...))
	d.tells(watched, keys[:2])

	put(strings.Replace(s.yaml(sim.url, accounts[1]), "api: stable", "api: fast", 1))
	d.tells(watched, keys[:2], "config.yaml:12: credentials[0].api: must be stable or classic")
	if d.metric("wxtokend_config_last_reload_successful") != 0 {
		t.Error("the metric says that a bad configuration is good")
	}

	put(strings.Replace(s.yaml(sim.url, accounts[0]), "127.0.0.1:0", "127.0.0.1:1", 1))
	d.tells(watched, keys[:1], "need a restart: http.listen")
	if d.metric("wxtokend_config_last_reload_successful") != 1 || d.metric(`wxtokend_daily_limit{key="`+keys[1]+`"`) != 0 {
		t.Error("the metrics are not those of the new configuration")
	}
	if redis.do("EXISTS", keys[1]) != int64(1) {
		t.Error("the token of a credential that was taken away has gone as well")
	}

	put(s.yaml(sim.url, accounts[0]))
	d.tells(watched, keys[:1])
	list := filepath.Join(m.dir, "credentials.d", "shop.yaml")
	if err := os.Mkdir(filepath.Dir(list), 0o700); err != nil {
		t.Fatal(err)
	}
	_, only, _ := strings.Cut(s.yaml(sim.url, accounts[2]), "credentials:\n")
	writeFile(t, list, only)
	d.signal(syscall.SIGHUP)
	d.tells(4*time.Second, []string{keys[0], keys[2]})
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	d.tells(watched, keys[:1])

	if calls := sim.calls(accounts[0].appid); calls != 1 {
		t.Errorf("%d calls for the account that never changed", calls)
	}
	reader.never(missing, refused)
	d.signal(syscall.SIGTERM)
	if status := d.wait(t, 20*time.Second); status.ExitStatus() != 0 {
		t.Errorf("exit %d", status.ExitStatus())
	}
}
