package gate_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"wxtokend/daemon/gate"
	"wxtokend/daemon/store"
)

// It says once in ten seconds what it waits for, naming one of several keys,
// and ends within a poll.
func TestTellsOnceInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mini := miniredis.NewMiniRedis()
		mini.ClockTTL(true)
		defer mini.Close()
		client, err := store.Connect(store.Options{
			URL: "redis://127.0.0.1:6379", Timeout: time.Second,
			Dial: func(context.Context, string, string) (net.Conn, error) { return mini.Dial() },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var log bytes.Buffer
		g := gate.Gate{Client: client, Min: time.Minute, Poll: 2 * time.Second, Timeout: time.Second,
			Log: slog.New(slog.NewTextHandler(&log, nil))}
		for _, key := range []string{"one", "two", "three"} {
			keys, err := store.NewKeys(key)
			if err != nil {
				t.Fatal(err)
			}
			g.Keys = append(g.Keys, keys)
		}
		fill := func(keys ...string) {
			for _, key := range keys {
				if err := client.Set(t.Context(), key, "x", time.Hour).Err(); err != nil {
					t.Error(err)
				}
			}
		}
		fill("one")
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- g.Wait(t.Context()) }()
		time.Sleep(35 * time.Second)
		fill("two", "three")
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
