package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// mirrorKey lies in another slot than the token.
const mirrorKey = "gowechat_officialaccount_access_token_wx0123456789abcdef"

// withMirror is everywhere, with one mirror that the user of Redis may write.
func withMirror(t *testing.T, test func(w *world)) {
	t.Helper()
	everywhere(t, func(w *world) {
		if strings.Contains(w.Name(), "minimal") {
			setUser(t, w.admin, append(aclRules(t), "~"+mirrorKey)...)
			w.connect()
		}
		w.c.Mirrors = []store.Mirror{{Key: mirrorKey}}
		test(w)
	})
}

func (w *world) glance() store.Glance {
	w.Helper()
	r := w.store.Observe(w.Context(), w.c)
	if r.Err != nil || len(r.Mirrors) != 1 || r.Mirrors[0].Err != nil {
		w.Fatalf("%+v", r)
	}
	return r.Mirrors[0]
}

// mirror writes on what is seen, and says what came of it.
func (w *world) mirror(m store.MirrorWrite) store.Status {
	w.Helper()
	m.Key = mirrorKey
	r := w.store.Mirror(w.Context(), []store.MirrorWrite{m}, 30*time.Second)[0]
	if r.Err != nil {
		w.Fatal(r.Err)
	}
	return r.Status
}

func TestGlance(t *testing.T) {
	withMirror(t, func(w *world) {
		for _, tt := range []struct {
			name   string
			put    []any
			want   store.Name
			value  string
			fields map[string]string
		}{
			{name: "nothing"},
			{"a string", []any{"set", mirrorKey, "x"}, store.NameOf("x", nil), "x", nil},
			{"an empty string", []any{"set", mirrorKey, ""}, store.NameOf("", nil), "", nil},
			{"as long as a token can be", []any{"set", mirrorKey, strings.Repeat("x", 4096)},
				store.NameOf(strings.Repeat("x", 4096), nil),
				strings.Repeat("x", 4096), nil},
			{"longer", []any{"set", mirrorKey, strings.Repeat("x", 4097)}, "long:4097", "", nil},
			{"a hash", []any{"hset", mirrorKey, "b", "1", "a", "22"}, store.NameOf("", []string{"a", "22", "b", "1"}), "",
				map[string]string{"a": "22", "b": "1"}},
			{"a long hash", []any{"hset", mirrorKey, "b", strings.Repeat("x", 4096)}, "long:4104", "", nil},
			{"a list", []any{"rpush", mirrorKey, "x"}, "wrongtype", "", nil},
		} {
			w.do("del", mirrorKey)
			if tt.put != nil {
				w.do(tt.put...)
			}
			from := w.now()
			g := w.glance()
			check(t, tt.name, g.Name, tt.want)
			check(t, tt.name, g.Value.Reveal(), tt.value)
			fields := map[string]string{}
			for name, value := range g.Fields {
				fields[name] = value.Reveal()
			}
			if !maps.Equal(fields, tt.fields) {
				t.Errorf("%s: %v", tt.name, fields)
			}
			w.during("At", g.At, from)
			w.c.Mirrors[0].Known = tt.want
			if g := w.glance(); g.Name != tt.want || g.Value != "" || g.Fields != nil {
				t.Errorf("%s, known: %+v", tt.name, g)
			}
			w.c.Mirrors[0].Known = ""
		}
		w.do("set", mirrorKey, "x", "px", 5000)
		if ttl := w.glance().TTL; ttl <= 4*time.Second || ttl > 5*time.Second {
			t.Errorf("TTL = %v", ttl)
		}
	})
}

// Two names of one thing, or one of two, would have it written for ever, or never.
func TestNameOf(t *testing.T) {
	names := []store.Name{
		store.NameOf("", nil), store.NameOf("a1b2", nil), store.NameOf("", []string{}), store.NameOf("", []string{"a", "1"}),
		store.NameOf("", []string{"a", "1", "b", "2"}), store.NameOf("", []string{"a", "11:b2"}),
		store.NameOf("", []string{"a1", ""}),
	}
	for i, name := range names {
		if name == "" || slices.Contains(names[:i], name) {
			t.Errorf("%d: %q", i, name)
		}
	}
	check(t, "another order", store.NameOf("", []string{"b", "2", "a", "1"}), names[4])
}

func TestMirrorWritten(t *testing.T) {
	withMirror(t, func(w *world) {
		for _, tt := range []struct {
			name   string
			before []any
			write  store.MirrorWrite
			want   map[string]string
		}{
			{"a string where nothing is", nil, store.MirrorWrite{Value: "v"}, map[string]string{mirrorKey: "v"}},
			{"over a string without an end", []any{"set", mirrorKey, "x"}, store.MirrorWrite{Value: "v"},
				map[string]string{mirrorKey: "v"}},
			{"over a hash", []any{"hset", mirrorKey, "a", "1"}, store.MirrorWrite{Value: "v"},
				map[string]string{mirrorKey: "v"}},
			{"over a list", []any{"rpush", mirrorKey, "x"}, store.MirrorWrite{Value: "v"}, map[string]string{mirrorKey: "v"}},
			{"a hash where nothing is", nil, store.MirrorWrite{Fields: []string{"b", "2", "a", "1"}},
				map[string]string{mirrorKey + ".a": "1", mirrorKey + ".b": "2"}},
			{"M4: over a hash with another field", []any{"hset", mirrorKey, "a", "0", "c", "3"},
				store.MirrorWrite{Fields: []string{"a", "1"}},
				map[string]string{mirrorKey + ".a": "1"}},
			{"a hash over a string", []any{"set", mirrorKey, "x"}, store.MirrorWrite{Fields: []string{"a", "1"}},
				map[string]string{mirrorKey + ".a": "1"}},
		} {
			w.do("del", mirrorKey)
			if tt.before != nil {
				w.do(tt.before...)
			}
			tt.write.Seen, tt.write.TTL = w.glance(), time.Hour
			check(w, tt.name, w.mirror(tt.write), store.Written)
			if got := w.content(); !maps.Equal(got, tt.want) {
				w.Errorf("%s: %v", tt.name, got)
			}
			// No longer than was asked for, by the clock of the look. The imitation counts down only now and then.
			over, ttl := w.now().Sub(tt.write.Seen.At), w.pttl(mirrorKey)
			if long := ttl > time.Hour-over+time.Millisecond; long && w.mini == nil || ttl > time.Hour ||
				ttl < time.Hour-time.Minute {
				w.Errorf("%s: TTL = %v, %v after the look", tt.name, ttl, over)
			}
			check(w, tt.name+", named", w.glance().Name, store.NameOf(tt.write.Value, tt.write.Fields))
		}
	})
}

func TestMirrorNotWritten(t *testing.T) {
	withMirror(t, func(w *world) {
		w.do("set", mirrorKey, "old")
		seen := w.glance()
		write := func(edit func(m *store.MirrorWrite)) store.Status {
			m := store.MirrorWrite{Value: "new", Seen: seen, TTL: time.Hour}
			edit(&m)
			before := w.content()
			defer w.stays(before)
			return w.mirror(m)
		}
		check(t, "M1 nothing was there", write(func(m *store.MirrorWrite) { m.Seen.Name = "" }), store.Changed)
		check(t, "M1 something else was", write(func(m *store.MirrorWrite) { m.Seen.Name = store.NameOf("other", nil) }),
			store.Changed)
		check(t, "M2", write(func(m *store.MirrorWrite) { m.Seen.At = m.Seen.At.Add(-31 * time.Second) }), store.Late)
		check(t, "M3", write(func(m *store.MirrorWrite) { m.TTL = 0 }), store.Expired)
		w.do("del", mirrorKey)
		check(t, "M1 it is gone", write(func(*store.MirrorWrite) {}), store.Changed)
	})
}

// order notes the first key of each script that is sent in a pipeline.
type order struct{ keys *[]string }

func (order) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (order) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (o order) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if args := cmd.Args(); len(args) > 3 {
				*o.keys = append(*o.keys, fmt.Sprint(args[3]))
			}
		}
		return next(ctx, cmds)
	}
}

// What lies at a mirror is of no newer token than the one that is looked at after
// it, or an older one would be written over it; T2.
func TestMirrorsAreLookedAtFirst(t *testing.T) {
	w := miniWorld(t)
	w.c.Mirrors = []store.Mirror{{Key: mirrorKey}}
	w.glance()
	var keys []string
	w.client.AddHook(order{&keys})
	w.glance()
	if want := []string{mirrorKey, w.c.Keys.Value}; !slices.Equal(keys, want) {
		t.Errorf("looked at %v, want %v", keys, want)
	}
}

// A mirror that its user may not touch is nobody else's trouble.
func TestForbiddenMirror(t *testing.T) {
	w := socketWorld(t)
	w.mint("a1", token(1))
	w.c.Mirrors = []store.Mirror{{Key: mirrorKey}}
	r := w.store.ObserveAll(t.Context(), []store.Slot{w.c, w.c})[1]()
	if r.Err != nil || r.Observation.State.Token != token(1) || !store.Forbidden(r.Mirrors[0].Err) {
		t.Errorf("%v, %v", r.Err, r.Mirrors[0].Err)
	}
	m := store.MirrorWrite{Key: mirrorKey, Value: "x", Seen: store.Glance{At: w.now()}, TTL: time.Hour}
	if r := w.store.Mirror(t.Context(), []store.MirrorWrite{m}, time.Hour)[0]; !store.Forbidden(r.Err) ||
		!store.Definite(r.Err) {
		t.Errorf("%+v", r)
	}
}

// A full Redis leaves a hash as it is.
func TestFullRedisKeepsMirror(t *testing.T) {
	w := serverWorld(t, ownServer(t))
	w.c.Mirrors = []store.Mirror{{Key: mirrorKey}}
	w.do("hset", mirrorKey, "a", "1")
	seen := w.glance()
	w.do("config", "set", "maxmemory", "1")
	m := store.MirrorWrite{Key: mirrorKey, Fields: []string{"a", "2"}, Seen: seen, TTL: time.Hour}
	r := w.store.Mirror(t.Context(), []store.MirrorWrite{m}, time.Hour)[0]
	if !store.Definite(r.Err) || w.glance().Name != seen.Name {
		t.Errorf("%+v; %v", r, w.glance().Name)
	}
}

// What lies there is somebody's token, and prints as such.
func TestGlanceHidesWhatItSaw(t *testing.T) {
	w := miniWorld(t)
	w.c.Mirrors = []store.Mirror{{Key: mirrorKey}}
	w.do("set", mirrorKey, "CANARY")
	if g := w.glance(); g.Value != secret.Secret("CANARY") || strings.Contains(fmt.Sprintf("%+v", g), "CANARY") {
		t.Errorf("%+v", g)
	}
}
