package store_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxtokend/daemon/store"
)

// What the scripts call is what people are told to allow, and nothing else.
func TestCommandsAreThoseOfTheScripts(t *testing.T) {
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 5 {
		t.Fatalf("scripts: %v %v", files, err)
	}
	used := map[string]bool{"eval": true, "evalsha": true, "select": true}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`(?:redis\.p?call|read)\('([A-Z]+)'`).FindAllStringSubmatch(string(text),
			-1) {
			used[strings.ToLower(call[1])] = true
		}
	}
	want := slices.Sorted(maps.Keys(used))
	if got := slices.Sorted(slices.Values(store.Commands())); !slices.Equal(got, want) {
		t.Errorf("commands = %v, the scripts use %v", got, want)
	}
}

// TestDocumentsGrantTheRights: and so does the demo in Kubernetes.
func TestDocumentsGrantTheRights(t *testing.T) {
	keys, err := store.NewKeys("WXAccessToken")
	if err != nil {
		t.Fatal(err)
	}
	for file, form := range map[string]string{
		"docs/redis.md":                             "\nACL SETUSER NAME on >PASSWORD RIGHTS\n",
		"docs/redis.zh-CN.md":                       "\nACL SETUSER NAME on >PASSWORD RIGHTS\n",
		"deploy/kubernetes/overlays/demo/users.acl": "\nuser NAME on >demo-NAME RIGHTS\n",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		for user, rights := range map[string]string{
			"wxtokend": store.Rights(keys) + " " + store.TellingRights(keys), "sidecar": store.ReadOnlyRights(keys),
		} {
			line := strings.NewReplacer("NAME", user, "RIGHTS", rights).Replace(form)
			if !strings.Contains(string(text), line) {
				t.Errorf("%s lacks the line%s", file, line)
			}
		}
	}
}

func TestRights(t *testing.T) {
	commands := " +" + strings.Join(store.Commands(), " +")
	own, err := store.NewKeys("shop:{a}:token")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "mirrors", store.WithMirrors(store.ReadOnlyRights(own), "a", "b:c"), "~a ~b:c "+store.ReadOnlyRights(own))
	check(t, "no keys", store.Rights(), "~KEY ~{KEY}:*"+commands)
	check(t, "a tag of its own", store.Rights(own), "~shop:{a}:token ~shop:{a}:token:*"+commands)
}
