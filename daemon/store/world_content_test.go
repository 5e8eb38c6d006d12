package store_test

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// plant writes fields of the state behind the store's back.
func (w *world) plant(fieldsAndValues ...any) {
	w.Helper()
	for i, v := range fieldsAndValues {
		if at, ok := v.(time.Time); ok {
			fieldsAndValues[i] = at.UnixMilli()
		}
	}
	w.do(append([]any{"hset", w.c.Keys.State}, fieldsAndValues...)...)
}

// do runs a command with all rights.
func (w *world) do(args ...any) any {
	w.Helper()
	reply, err := w.admin.Do(w.Context(), args...).Result()
	if err != nil && err != redis.Nil {
		w.Fatalf("%v: %v", args, err)
	}
	return reply
}

func (w *world) pttl(key string) time.Duration {
	w.Helper()
	return time.Duration(w.do("pttl", key).(int64)) * time.Millisecond
}

// content is everything that lies in the database, but for times to live.
func (w *world) content() map[string]string {
	w.Helper()
	keys, err := w.admin.Keys(w.Context(), "*").Result()
	if err != nil {
		w.Fatal(err)
	}
	content := map[string]string{}
	for _, key := range keys {
		switch kind := w.do("type", key); kind {
		case "hash":
			for field, value := range w.admin.HGetAll(w.Context(), key).Val() {
				content[key+"."+field] = value
			}
		case "string":
			content[key] = w.do("get", key).(string)
		default:
			content[key] = fmt.Sprint(kind)
		}
	}
	return content
}

// stays fails if what was done since before left anything different.
func (w *world) stays(before map[string]string) {
	w.Helper()
	w.differs(before)
}

// differs fails unless exactly the named fields of the state, or keys, are
// different from before.
func (w *world) differs(before map[string]string, names ...string) {
	w.Helper()
	after := w.content()
	var got []string
	all := maps.Clone(before)
	maps.Copy(all, after)
	for key := range all {
		if before[key] != after[key] {
			got = append(got, strings.TrimPrefix(key, w.c.Keys.State+"."))
		}
	}
	sort.Strings(got)
	sort.Strings(names)
	if !slices.Equal(got, names) {
		w.Errorf("different: %q, want %q", got, names)
	}
}

// during fails unless at, which happened since from, lies between from and now.
func (w *world) during(what string, at, from time.Time) {
	w.Helper()
	if to := w.now(); at.Before(from) || at.After(to) {
		w.Errorf("%s = %v, want between %v and %v", what, at, from, to)
	}
}

func check[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}
