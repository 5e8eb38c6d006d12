package daemon

import (
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/config"
)

// TestDifferentSettings: replicas under one key whose settings a person wrote
// differently on two hosts. Readers that read each time never find nothing and
// never a refused token because of it.
func TestDifferentSettings(t *testing.T) {
	withoutRace(t)
	settings := map[string]func(i int, c *config.Config){
		"api": func(i int, c *config.Config) { c.Credentials[0].API = []string{"stable", "classic"}[i%2] },
		"lease": func(i int, c *config.Config) {
			c.Credentials[0].Lease = []time.Duration{15 * time.Second, 5 * time.Minute, time.Hour}[i%3]
		},
		"format": func(i int, c *config.Config) { c.Credentials[0].Format = []string{"json", "raw"}[i%2] },
		"utc_offset": func(i int, c *config.Config) {
			c.Credentials[0].UTCOffset = []string{"+0800", "+0000", "-0500"}[i%3]
		},
		"poll": func(i int, c *config.Config) {
			c.Refresh.Poll = []time.Duration{time.Second, 2 * time.Second, 10 * time.Second}[i%3]
		},
		"verify_every": func(i int, c *config.Config) {
			c.Credentials[0].VerifyEvery = []time.Duration{time.Minute, 5 * time.Minute, 24 * time.Hour}[i%3]
		},
		"backoff": func(i int, c *config.Config) {
			c.Credentials[0].BackoffMin = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second}[i%3]
		},
		"ahead": func(i int, c *config.Config) {
			c.Credentials[0].Ahead = []time.Duration{time.Second, time.Minute, time.Hour}[i%3]
		},
	}
	all := func(i int, c *config.Config) {
		for _, set := range settings {
			set(i, c)
		}
	}
	cases := map[string]func(i int, c *config.Config){"all": all}
	for name, set := range settings {
		cases[name] = set
	}
	for name, set := range cases {
		for _, life := range []time.Duration{time.Minute, 20 * time.Minute} {
			t.Run(name+"/"+life.String(), func(t *testing.T) {
				t.Parallel()
				inWorldOf(t, "stable", life, func(w *world) {
					replicas := []*replica{w.replica, newReplica("10.0.0.10"), newReplica("10.0.0.11")}
					for i, r := range replicas {
						r.configure = func(c *config.Config) { set(i, c) }
						w.launch(r)
					}
					w.wait(5 * time.Second)
					nothing, refused := 0, 0
					for range 30 * 60 * 2 {
						w.wait(500 * time.Millisecond)
						switch {
						case w.read() == "":
							nothing++
						case !w.accepted():
							refused++
						}
					}
					if nothing+refused > 0 {
						w.Errorf("of 3600 readers %d found nothing, %d a refused token; %d calls, %d mints\n%s", nothing, refused,
							w.calls(), w.mints(), w.tail())
					}
					for _, r := range replicas[1:] {
						r.kill()
					}
				})
			})
		}
	}
}

// TestDifferentSettingsAreTold: one WARN and a note name what differs, on whichever
// replica can know, and both are over when it is.
func TestDifferentSettingsAreTold(t *testing.T) {
	withoutRace(t)
	cases := map[string]struct {
		set  func(c *config.Config)
		says string
	}{
		"api":        {func(c *config.Config) { c.Credentials[0].API = "classic" }, "api: stable there, api: classic here"},
		"format":     {func(c *config.Config) { c.Credentials[0].Format = "raw" }, "format or utc_offset"},
		"utc_offset": {func(c *config.Config) { c.Credentials[0].UTCOffset = "-0500" }, "format or utc_offset"},
		"lease":      {func(c *config.Config) { c.Credentials[0].Lease = time.Minute }, ""},
		"nothing":    {func(*config.Config) {}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorldOf(t, "stable", shortLife, func(w *world) {
				second := newReplica("10.0.0.10")
				second.configure = c.set
				w.start()
				w.wait(time.Minute)
				w.launch(second)
				w.wait(time.Minute)
				const warning = "another replica refreshes this key with other settings"
				if w.logged(warning) != 0 {
					w.Errorf("what was there before is no replica\n%s", w.story())
				}
				w.wait(3 * time.Hour)
				notes := append(w.daemon.registry.all()[0].Credential().Notes,
					second.daemon.registry.all()[0].Credential().Notes...)
				told := strings.Join(notes, "\n")
				if n := w.logged(warning); c.says == "" && (n != 0 || told != "") || c.says != "" && (n < 1 || n > 2) {
					w.Errorf("said %d times; notes %q\n%s", n, told, w.story())
				}
				if c.says != "" && !strings.Contains(w.story()+told, c.says) &&
					!strings.Contains(told, "api: classic there, api: stable here") {
					w.Errorf("neither says %q: %q\n%s", c.says, told, w.story())
				}
				second.kill()
				w.wait(4*time.Hour + shortLife)
				if notes := w.daemon.registry.all()[0].Credential().Notes; len(notes) != 0 {
					w.Errorf("still told: %q", notes)
				}
			})
		})
	}
}
