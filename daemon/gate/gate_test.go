package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/gate"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// torn delivers replies in pieces of seven bytes, which begin and end anywhere.
type torn struct{ net.Conn }

func (t torn) Read(p []byte) (int, error) { return t.Conn.Read(p[:min(len(p), 7)]) }

const good = `{"access_token":"x"}`

// gateOf is a gate for keys in mini, which lives in virtual time, and its log.
func gateOf(t *testing.T, mini *miniredis.Miniredis, keys ...string) (gate.Gate, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	g := gate.Gate{Client: clientOf(t, mini, "redis://127.0.0.1:6379"), Min: time.Minute, Poll: 2 * time.Second,
		Timeout: time.Second, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, key := range keys {
		keys, err := store.NewKeys(key)
		if err != nil {
			t.Fatal(err)
		}
		g.Keys = append(g.Keys, keys)
	}
	return g, log
}

func clientOf(t *testing.T, mini *miniredis.Miniredis, url secret.Secret) redis.UniversalClient {
	t.Helper()
	client, err := store.Connect(store.Options{
		URL: url, Timeout: time.Second, Short: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			conn, err := mini.Dial()
			return torn{conn}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func fill(t *testing.T, mini *miniredis.Miniredis, value string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := mini.Set(key, value); err != nil {
			t.Error(err)
		}
		mini.SetTTL(key, time.Hour)
	}
}

// It says once in ten seconds what it waits for, naming one of several keys,
// and ends within a poll.
func TestTellsOnceInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mini := miniredis.NewMiniRedis()
		mini.ClockTTL(true)
		defer mini.Close()
		g, log := gateOf(t, mini, "one", "two", "three")
		fill(t, mini, good, "one")
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- g.Wait(t.Context()) }()
		time.Sleep(35 * time.Second)
		fill(t, mini, good, "two", "three")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 35*time.Second || took > 37*time.Second {
			t.Errorf("it ended after %s", took)
		}
		if told := strings.Count(log.String(), "key=two because=\"there is no such key\""); told != 4 ||
			strings.Count(log.String(), "others=1") != 4 {
			t.Errorf("told %d times, want 4, each naming one other:\n%s", told, log.String())
		}
	})
}

// What holds no token lets nobody through, however long it lives.
func TestOnlyATokenOpens(t *testing.T) {
	for name, value := range map[string]string{
		"empty": "", "empty token": `{"access_token":"","expires_in":7200}`, "a word": "hello",
		"other JSON": `{"errcode":40001}`, "very long": strings.Repeat("\x00", 100<<20),
		"too long": `{"access_token":"x","more":"` + strings.Repeat("x", store.LongestValue) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mini := miniredis.NewMiniRedis()
				mini.ClockTTL(true)
				defer mini.Close()
				g, log := gateOf(t, mini, "one", "two", "three")
				fill(t, mini, good, "one", "three")
				fill(t, mini, value, "two")
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if err := g.Wait(ctx); err == nil || !strings.Contains(err.Error(), "two: what lies there holds no token") {
					t.Errorf("%v\n%s", err, log)
				}
				fill(t, mini, good, "two")
				if err := g.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A password that Redis refuses is told as such, and not as a missing token.
func TestSaysThatItMayNotLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mini := miniredis.NewMiniRedis()
		defer mini.Close()
		mini.RequireAuth("another")
		g, log := gateOf(t, mini, "one")
		g.Client = clientOf(t, mini, "redis://:old@127.0.0.1:6379")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := g.Wait(ctx); err == nil || !strings.Contains(err.Error(), "one: Redis: ") ||
			!strings.Contains(log.String(), "WRONGPASS") {
			t.Errorf("%v\n%s", err, log)
		}
	})
}

// A token in either layout opens, as long as a value may be.
func TestATokenOpens(t *testing.T) {
	const head = `{"access_token":"x","more":"`
	for name, value := range map[string]string{
		"json": good, "raw": strings.Repeat("x", 512),
		"longest": head + strings.Repeat("x", store.LongestValue-len(head+`"}`)) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mini := miniredis.NewMiniRedis()
				mini.ClockTTL(true)
				defer mini.Close()
				g, log := gateOf(t, mini, "one")
				fill(t, mini, value, "one")
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if err := g.Wait(ctx); err != nil {
					t.Errorf("%v\n%s", err, log)
				}
			})
		})
	}
}

// A token that ends within Min opens nothing, nor does a key without an end.
func TestALifeThatOpens(t *testing.T) {
	for left, want := range map[time.Duration]string{
		0: "it never ends", time.Minute - time.Millisecond: "it ends in 1m0s", time.Minute: "",
	} {
		t.Run(left.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mini := miniredis.NewMiniRedis()
				mini.ClockTTL(true)
				defer mini.Close()
				g, log := gateOf(t, mini, "one")
				if err := mini.Set("one", good); err != nil {
					t.Fatal(err)
				}
				if left > 0 {
					mini.SetTTL("one", left)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := g.Wait(ctx)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q\n%s", err, want, log)
				}
			})
		})
	}
}

// Whoever may only GET is let in by the end that the token names, or by any
// token that names none, and is told of nothing else.
func TestALifeThatOpensWithoutPTTL(t *testing.T) {
	// Synthetic time begins on that day.
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	named := func(left time.Duration, zone string) string {
		return fmt.Sprintf(`{"access_token":"x","expires_in":7200,"expiresAt":"\/Date(%d%s)\/"}`,
			now+left.Milliseconds(), zone)
	}
	for name, c := range map[string]struct{ value, want string }{
		"missing":   {"", "there is no such key"},
		"over":      {named(-time.Hour, "+0800"), "it ends in 0s, and --min is 1m0s"},
		"too short": {named(59*time.Second, "-0000"), "it ends in 59s, and --min is 1m0s"},
		"long":      {named(time.Minute, "-0000"), ""},
		"no zone":   {named(59*time.Second, ""), "it ends in 59s"},
		"no end":    {good, ""},
		"raw":       {strings.Repeat("x", 512), ""},
		"no token":  {"hello", "holds no token"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mini := miniredis.NewMiniRedis()
				mini.ClockTTL(true)
				defer mini.Close()
				g, log := gateOf(t, mini, "one")
				// Its server begins with the first client.
				if err := g.Client.Ping(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				mini.Server().SetPreHook(func(peer *server.Peer, command string, _ ...string) bool {
					if command == "PTTL" {
						peer.WriteError("NOPERM this user has no permissions to run the 'pttl' command")
					}
					return command == "PTTL"
				})
				if c.value != "" {
					fill(t, mini, c.value, "one")
				}
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				err := g.Wait(ctx)
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q\n%s", err, c.want, log)
				}
			})
		})
	}
}

// It waited until its time was over, not until the last look before that.
func TestSaysHowLongItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mini := miniredis.NewMiniRedis()
		defer mini.Close()
		g, _ := gateOf(t, mini, "one")
		g.Poll = 5 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if err := g.Wait(ctx); err == nil || !strings.Contains(err.Error(), "no token after 12s: one: ") {
			t.Error(err)
		}
	})
}
