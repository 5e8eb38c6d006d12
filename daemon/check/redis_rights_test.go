package check_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"wxtokend/daemon/store"
	"wxtokend/daemon/wechatsim"
)

// minimal is what the daemon needs of Redis, and nothing else.
var minimal = store.Rights(store.Keys{Value: "WXAccessToken", State: "{WXAccessToken}:state"})

// As TestWritesNothing, with each right taken away in turn: what the trial leaves
// out must not turn a condition around.
func TestEachMissingRightIsNamedAndHarmless(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.mint(s, stored)
	for _, command := range store.Commands() {
		if command == "select" { // database 0 is never selected
			continue
		}
		t.Run(command, func(t *testing.T) {
			s.user(t, strings.Replace(minimal+" ", "+"+command+" ", "", 1))
			before := s.dirty(t)
			output, findings := w.run(asUser(s))
			w.expect(output, findings, findings, "FAIL", "NOPERM: its user lacks a right",
				"-> give the user of Redis its rights: ACL SETUSER <user> ~WXAccessToken ~{WXAccessToken}:* +eval")
			if findings == 0 {
				t.Errorf("a missing right is not found:\n%s", output)
			}
			if after := s.dirty(t); after != before {
				t.Errorf("Redis took %s writes before and %s after the check", before, after)
			}
		})
	}
}

func TestUserWithExactlyTheRightsIsEnough(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	token, err := w.sim.Draw(appid, wechatsim.Stable, "the fleet")
	if err != nil {
		t.Fatal(err)
	}
	w.mint(s, token)
	s.user(t, minimal)
	output, findings := w.run(asUser(s))
	w.expect(output, findings, 0, "warn  telling WXAccessToken: ", "NOPERM: its user lacks a right",
		"ACL SETUSER <user> +publish &wxtokend:WXAccessToken\n")
	s.user(t, minimal+" "+store.TellingRights(w.slot().Keys))
	output, findings = w.run(asUser(s))
	w.expect(output, findings, 0)
	w.golden("minimal_rights", output)
}

// TestWatcherNeedsNoMoreThanToLook: with mint: false the rights that the documents
// give a sidecar are enough, each of them is needed, and no other is advised.
func TestWatcherNeedsNoMoreThanToLook(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	w.mint(s, stored)
	section := fmt.Sprintf("redis: {url: %q, timeout: 1s}\n", asUser(s))
	rights := store.ReadOnlyRights(w.slot().Keys)
	s.user(t, rights)
	output, findings := w.check(section, w.credential(", mint: false"))
	w.expect(output, findings, 0, "ok    rights WXAccessToken", "it repairs nothing, as its user may not write")
	s.user(t, minimal)
	output, findings = w.check(section, w.credential(", mint: false"))
	w.expect(output, findings, 0, "may read and write its four keys")
	for _, command := range []string{"eval", "evalsha", "time", "get", "strlen", "getrange", "pttl", "hgetall"} {
		s.user(t, strings.Replace(rights+" ", "+"+command+" ", "", 1))
		output, findings = w.check(section, w.credential(", mint: false"))
		w.expect(output, findings, max(1, findings), "NOPERM: its user lacks a right", "ACL SETUSER <user> "+rights+"\n")
		if strings.Contains(output, "+set") {
			t.Errorf("without %s it is told to let a watcher write:\n%s", command, output)
		}
	}
}

func TestUserWithRightsOnOtherKeys(t *testing.T) {
	s, w := startRedis(t), newWorld(t)
	for _, keys := range []string{"~WXAccessToken", "~WXAccessToken*", "~{WXAccessToken}:*", "%R~* ~WXAccessToken"} {
		t.Run(keys, func(t *testing.T) {
			s.user(t, "+@all "+keys)
			output, findings := w.run(asUser(s))
			w.expect(output, findings, 1, "FAIL", "NOPERM: its user lacks a right")
		})
	}
}

// Every command that the scripts call has to be tried.
func TestTrialTriesEveryCommand(t *testing.T) {
	trial, err := os.ReadFile("trial.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range store.Commands() {
		if slices.Contains([]string{"eval", "evalsha", "select"}, command) {
			continue
		}
		if name := strings.ToUpper(command); !strings.Contains(string(trial), "note('"+name+"', redis.pcall('"+name+"'") {
			t.Errorf("%s is not tried", name)
		}
	}
}
