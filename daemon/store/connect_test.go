package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// expectObserve connects and observes; want is a part of the error, "" for none.
func expectObserve(t *testing.T, o store.Options, want string) {
	t.Helper()
	err := observeWith(t, o)
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error = %v, want …%s…", err, want)
	}
}

func observeWith(t *testing.T, o store.Options) error {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	client, err := store.Connect(o)
	if err != nil {
		return err
	}
	defer client.Close()
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		t.Fatal(err)
	}
	return store.New(client, o.Timeout, layout.Decode).Observe(t.Context(), store.Slot{Keys: keys}).Err
}

// setUser makes the ACL user wxtokend from nothing but rules.
func setUser(t *testing.T, admin *redis.Client, rules ...string) {
	t.Helper()
	args := []any{"acl", "setuser", "wxtokend"}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

// aclRules are the rights that a test's credential needs, for a user who logs
// in as "pass".
func aclRules(t *testing.T) []string {
	t.Helper()
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{"reset", "on", ">pass"}, strings.Fields(store.Rights(keys))...)
}

// A replica that may only read looks with the rights that people are told to give it, of which each
// is needed, and is told that the rest is forbidden.
func TestReadOnlyRights(t *testing.T) {
	w := socketWorld(t)
	w.mint("a1", token(1))
	rights := strings.Fields(store.ReadOnlyRights(w.c.Keys))
	for i := range append(rights, "none") {
		user := append([]string{"reset", "on", ">pass"}, rights...)
		if i < len(rights) {
			user[3+i] = "allchannels"
		}
		setUser(t, w.admin, user...)
		w.do("script", "flush")
		w.connect()
		o := w.store.Observe(t.Context(), w.c)
		if i < len(rights) {
			check(t, "forbidden without "+rights[i], store.Forbidden(o.Err), true)
			continue
		}
		if o.Err != nil || o.Observation.State.Token != token(1) {
			t.Fatalf("looks: %v %v", o.Observation.State.Token, o.Err)
		}
		w.admin.Del(t.Context(), w.c.Keys.Value)
		before := w.content()
		_, _, err := w.store.Reassert(t.Context(), w.c, w.observe())
		check(t, "to write is forbidden", store.Forbidden(err), true)
		w.stays(before)
	}
}

// The whole contract runs with the rights that people are told to give; here
// each of them is taken away to show that it is needed.
func TestACLIsMinimal(t *testing.T) {
	w := socketWorld(t)
	for i, rule := range aclRules(t) {
		if i < 3 {
			continue
		}
		t.Run("without "+rule, func(t *testing.T) {
			rules := aclRules(t)
			rules[i] = "allchannels" // a right that nothing here uses
			setUser(t, w.admin, rules...)
			w := &world{T: t, admin: w.admin, options: w.options, c: w.c}
			w.do("flushdb")
			w.do("script", "flush")
			w.connect()
			err := w.everyScript()
			if err == nil {
				t.Fatal("works without it")
			}
			if got := store.Explain(err).What; !strings.HasPrefix(got, "NOPERM") {
				t.Errorf("%v is explained as %s", err, got)
			}
			if !store.Definite(err) {
				t.Errorf("%v does not count as definite", err)
			}
		})
	}
	t.Run("without any", func(t *testing.T) {
		setUser(t, w.admin, aclRules(t)...)
		w := &world{T: t, admin: w.admin, options: w.options, c: w.c}
		w.do("flushdb")
		w.connect()
		if err := w.everyScript(); err != nil {
			t.Error(err)
		}
	})
}

// everyScript runs through all that needs a right, and returns the first error.
func (w *world) everyScript() error {
	o := w.store.Observe(w.Context(), w.c)
	if o.Err != nil {
		return o.Err
	}
	for range 2 { // the second time is B2
		if _, err := w.store.Begin(w.Context(), w.c, o.Observation, newBegin(o.Observation)); err != nil {
			return err
		}
	}
	if o = w.store.Observe(w.Context(), w.c); o.Err != nil {
		return o.Err
	}
	// The loser of an emptied Redis asks whether the state is somebody else's.
	w.do("flushdb")
	if _, _, err := w.store.Commit(w.Context(), w.c, store.Commit{Attempt: "a1", Token: token(1)}); err != nil {
		return err
	}
	_, err := w.store.Abort(w.Context(), w.c, store.Abort{Attempt: "a1", Unknown: true})
	return err
}

func TestDatabaseFromTheURL(t *testing.T) {
	s := sharedServer(t)
	for _, tt := range []struct {
		url string
		db  int
	}{
		{"redis://" + s.addr, 0}, {"redis://" + s.addr + "/", 0}, {"redis://" + s.addr + "/0", 0},
		{"redis://" + s.addr + "/7", 7},
		{"unix://" + s.socket, 0}, {"unix://" + s.socket + "?db=7", 7},
	} {
		t.Run(strings.ReplaceAll(tt.url, "/", "|"), func(t *testing.T) {
			w := newWorld(t, s.admin(t, tt.db), store.Options{URL: secret.Secret(tt.url)})
			w.mustBegin()
			check(t, "calls", w.content()[w.c.Keys.State+".calls"], "1")
		})
	}
	t.Run("that is out of range", func(t *testing.T) {
		expectObserve(t, store.Options{URL: secret.Secret("redis://" + s.addr + "/16")}, "out of range")
	})
}

func TestEmbedded(t *testing.T) {
	address, stop, err := store.Embedded("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	expectObserve(t, store.Options{URL: secret.Secret("redis://" + address)}, "")
	if _, _, err := store.Embedded(address); err == nil || !strings.HasPrefix(err.Error(), "embedded redis: ") {
		t.Errorf("error on a taken port = %v", err)
	}
	stop()
	expectObserve(t, store.Options{URL: secret.Secret("redis://" + address)}, "refused")
}

func TestLibraryLogsAtDebugLevel(t *testing.T) {
	var out bytes.Buffer
	for level, want := range map[slog.Level]string{
		slog.LevelInfo:  "",
		slog.LevelDebug: "level=DEBUG msg=\"redis client\" detail=\"dial 7 failed\"\n",
	} {
		out.Reset()
		drop := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: drop}))
		store.Logger{Log: log}.Printf(context.Background(), "dial %d failed", 7)
		check(t, level.String(), out.String(), want)
	}
}
