package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wxtokend/daemon/store"
)

// The proxies of managed servers look at the text of a script before they let
// it pass: the name of a command must be a literal, a key KEYS[n] with a
// number, and neither may come from a variable, from unpack or out of another
// call. Redis itself wants no globals.
func TestScriptsHaveTheFormThatProxiesWant(t *testing.T) {
	lines := func(name string) int {
		text, err := os.ReadFile("lua/" + name + ".lua")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	// What comes before a script.
	before := map[bool]int{true: lines("head"), false: lines("head") + lines("common")}
	files, err := filepath.Glob("lua/*.lua")
	if err != nil || len(files) < 5 {
		t.Fatalf("scripts: %v %v", files, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".lua"); name != "common" && name != "head" {
			formOf(t, found, name+".lua", store.Source(name), before[name == "mirror"])
		}
	}
	for _, name := range []string{"trial.lua", "target.lua"} {
		trial, err := os.ReadFile("../check/" + name)
		if err != nil {
			t.Fatal(err)
		}
		formOf(t, found, name, string(trial), 0)
	}
	for _, finding := range sorted(found) {
		t.Error(finding)
	}
}

// What the judge above does not see, it cannot keep away.
func TestFormSeesWhatProxiesRefuse(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"local v = redis.call('GET', KEYS[1]) return v", ""},
		{"local function f(x) return redis.pcall('SET', KEYS[2], x, 'PX', 7) end return f(ARGV[1])", ""},
		{"return redis.call('TIME')", ""},
		{"local c = 'GET' return redis.call(c, KEYS[1])", "no literal"},
		{"return redis.call('G' .. 'ET', KEYS[1])", "no literal"},
		{"return redis.call(ARGV[1], KEYS[1])", "no literal"},
		{"return redis.call('GETDEL', KEYS[1])", "GETDEL is not among the rights"},
		{"local k = KEYS[1] return redis.call('GET', k)", "is not written KEYS[n]"},
		{"for i = 1, 2 do redis.call('GET', KEYS[i]) end", "is not written KEYS[n]"},
		{"return redis.call('GET', KEYS[1 + 1])", "is not written KEYS[n]"},
		{"return redis.call('GET', 'x')", "is not written KEYS[n]"},
		{"return redis.call('GET')", "names no key"},
		{"return redis.call('GET', KEYS[5])", "KEYS[5] is none of our keys"},
		{"return #KEYS", "KEYS outside a command"},
		{"local call = redis.call return call('GET', KEYS[1])", "redis.call is not called on the spot"},
		{"local r = redis return r", "redis outside a call"},
		{"return redis['call']('GET', KEYS[1])", ""},
		{"local n = 'call' return redis[n]('GET', KEYS[1])", "redis by a variable"},
		{"return redis.call('HSET', KEYS[2], unpack(ARGV))", "unpack"},
		{"return redis.call('HSET', KEYS[2], table.unpack(ARGV))", "unpack"},
		{"local function f(...) return redis.call('HSET', KEYS[2], ...) end return f()", "arguments in number unknown"},
		{"return redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]))", "a command inside a command"},
		{"x = 1 return x", "global x"},
		{"function f() end return f()", "global f"},
		{"return loadstring('x')", "global loadstring"},
		{"local function f() return y end return f()", "global y"},
		{"do local z = 1 end return z", "global z"},
	} {
		found := map[string]bool{}
		formOf(t, found, "script", tt.script, 0)
		switch text := strings.Join(sorted(found), "\n"); {
		case tt.want == "" && text != "":
			t.Errorf("%s:\na false alarm: %s", tt.script, text)
		case !strings.Contains(text, tt.want):
			t.Errorf("%s:\ngot  %q\nwant %q", tt.script, text, tt.want)
		}
	}
}

func sorted(set map[string]bool) []string {
	var list []string
	for element := range set {
		list = append(list, element)
	}
	slices.Sort(list)
	return list
}
