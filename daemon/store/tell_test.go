package store_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// listen subscribes as a reader with all rights.
func (w *world) listen() <-chan *redis.Message {
	w.Helper()
	s := w.admin.Subscribe(w.Context(), w.c.Keys.Channel())
	w.Cleanup(func() { _ = s.Close() })
	if _, err := s.Receive(w.Context()); err != nil {
		w.Fatal(err)
	}
	return s.Channel()
}

func (w *world) heard(messages <-chan *redis.Message) string {
	w.Helper()
	select {
	case m := <-messages:
		return m.Payload
	case <-time.After(5 * time.Second):
		w.Fatal("nobody was told")
	}
	return ""
}

// Readers are told the expiry and the fingerprint, and never the token.
func TestTell(t *testing.T) {
	everywhere(t, func(w *world) {
		switch {
		case strings.HasPrefix(w.options.URL.Reveal(), "unix:"):
			setUser(w.T, w.admin, append(aclRules(w.T), strings.Fields(store.TellingRights(w.c.Keys))...)...)
		case w.options.TLS != nil:
			setUser(w.T, w.admin, "allchannels")
		}
		w.connect()
		check(w, "channel", w.c.Keys.Channel(), "wxtokend:WXAccessToken")
		messages := w.listen()
		expires := time.Date(2026, 11, 29, 23, 4, 5, 6_000_000, time.FixedZone("", 8*3600))
		if err := w.store.Tell(w.Context(), w.c, token(1), expires); err != nil {
			w.Fatal(err)
		}
		check(w, "message", w.heard(messages),
			`{"expires_at":"2026-11-29T15:04:05.006Z","fingerprint":"`+token(1).Fingerprint()+`"}`)
		check(w, "keys", len(w.content()), 0)
	})
}

// Each of the rights that people are told to give is needed to tell, and none of
// them to store the token.
func TestTellingRightsAreMinimal(t *testing.T) {
	w := socketWorld(t)
	rights := strings.Fields(store.TellingRights(w.c.Keys))
	for i := range append(rights, "none") {
		user := append(aclRules(t), rights...)
		if i < len(rights) {
			user[len(aclRules(t))+i] = "+ping"
		}
		setUser(t, w.admin, user...)
		w.do("flushdb")
		w.connect()
		w.mint("a1", token(1))
		check(w, "token", w.observe().Value.Token, token(1))
		err := w.store.Tell(t.Context(), w.c, token(1), w.observe().State.ExpiresAt)
		check(w, "forbidden "+user[len(user)-1], store.Forbidden(err), i < len(rights))
	}
}

// All nodes of a Cluster tell, whichever of them a reader asks.
func TestTellInACluster(t *testing.T) {
	needRedis(t)
	s := ownServer(t, "--cluster-enabled", "yes")
	admin := s.admin(t, 0)
	if err := admin.Do(t.Context(), "cluster", "addslotsrange", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, admin: admin, options: store.Options{Cluster: []string{s.addr}, Timeout: 5 * time.Second}}
	w.c.Keys = store.Keys{Value: "WXAccessToken"}
	w.connect()
	messages := w.listen()
	if err := w.store.Tell(t.Context(), w.c, token(2), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if got := w.heard(messages); !strings.Contains(got, token(2).Fingerprint()) {
		t.Error(got)
	}
}

// What a reader hears is worth nothing to somebody who may not read the key.
func TestNewsHoldNoToken(t *testing.T) {
	w := miniWorld(t)
	messages := w.listen()
	for _, tt := range []secret.Token{token(3), "short"} {
		if err := w.store.Tell(t.Context(), w.c, tt, w.now()); err != nil {
			t.Fatal(err)
		}
		if text := w.heard(messages); strings.Contains(text, tt.Reveal()) {
			t.Error(text)
		}
	}
}

// keep is the example of docs/readers.md.
func keep(ctx context.Context, rdb *redis.Client, cached *atomic.Pointer[string]) {
	news := rdb.Subscribe(ctx, "wxtokend:WXAccessToken")
	defer news.Close()
	for heard := news.Channel(); ctx.Err() == nil; {
		if text, err := rdb.Get(ctx, "WXAccessToken").Result(); err == nil {
			cached.Store(&text)
		}
		select {
		case <-heard: // at once
		case <-time.After(time.Minute): // whatever was missed
		case <-ctx.Done():
		}
	}
}

// The example of the documents is the one above, and has the new token long before its minute is over.
func TestDocumentedReaderHears(t *testing.T) {
	source, err := os.ReadFile("tell_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(source), "readers.md.\n")
	example, _, _ = strings.Cut(example, "\n}\n")
	for _, name := range []string{"readers.md", "readers.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + name)
		if err != nil || !strings.Contains(string(text), "\n```go\n"+example+"\n}\n```\n") {
			t.Errorf("%s has another example than this test, %v", name, err)
		}
	}
	everywhere(t, func(w *world) {
		var cached atomic.Pointer[string]
		ctx, cancel := context.WithCancel(w.Context())
		ended := make(chan struct{})
		go func() {
			keep(ctx, w.admin, &cached)
			close(ended)
		}()
		defer func() { cancel(); <-ended }()
		for n := 1; n <= 3; n++ {
			w.mint(fmt.Sprint("a", n), token(n))
			for limit := time.After(20 * time.Second); ; {
				if err := store.New(w.admin, 5*time.Second, layout.Decode).Tell(ctx, w.c, token(n), w.now()); err != nil {
					w.Fatal(err)
				}
				if text := cached.Load(); text != nil && layout.Decode(*text) == token(n) {
					break
				}
				select {
				case <-limit:
					w.Fatalf("token %d is not heard of", n)
				case <-time.After(time.Millisecond):
				}
			}
			w.plant("begun_at", 0)
		}
	})
}
