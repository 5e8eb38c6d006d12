package daemon

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

// letIn bars all addresses at WeChat but these.
func (w *world) letIn(ips ...string) {
	w.Helper()
	var prefixes []netip.Prefix
	for _, ip := range ips {
		prefixes = append(prefixes, netip.PrefixFrom(netip.MustParseAddr(ip), 32))
	}
	w.must(w.wechat.SetWhitelist(testAppID, prefixes...))
}

// sixReplicas are at addresses of which the first four are barred.
func (w *world) sixReplicas() (all []*replica) {
	w.Helper()
	for i := range 6 {
		all = append(all, newReplica(fmt.Sprintf("10.0.1.%d", i+1)))
	}
	w.letIn("10.0.1.5", "10.0.1.6")
	return all
}

// TestFirstStartOfBarredReplicas: a bar is the instance's. Whoever is let in draws
// within seconds, however many are not, and at whatever moment they start.
func TestFirstStartOfBarredReplicas(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		for name, apart := range map[string]time.Duration{"at once": 0, "one after the other": time.Second,
			"slowly": 10 * time.Second} {
			t.Run(api+"/"+name, func(t *testing.T) {
				t.Parallel()
				inWorld(t, api, func(w *world) {
					all := w.sixReplicas()
					for _, r := range all[:4] {
						w.launch(r)
						w.wait(apart)
					}
					start := time.Now()
					for _, r := range all[4:] {
						w.launch(r)
					}
					for !w.accepted() {
						w.wait(100 * time.Millisecond)
						if time.Since(start) > 10*time.Minute {
							w.Fatalf("no token\n%s", w.story())
						}
					}
					took := time.Since(start)
					figure(t, "first start, four of six replicas barred, "+name, "%s: a token after %v, %d calls", api,
						took.Round(100*time.Millisecond), w.calls())
					// Each of the four asks once before, and doubles the wait of all.
					if took > 30*time.Second {
						w.Errorf("a token after %v\n%s", took, w.story())
					}
					for _, r := range all {
						r.kill()
					}
				})
			})
		}
	}
}

// TestBarredReplicasCostNoRead: tokens of two minutes, everything else scaled: after
// the first token no read finds none, and no refused one.
func TestBarredReplicasCostNoRead(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			inWorldOf(t, api, 2*time.Minute, func(w *world) {
				all := w.sixReplicas()
				for _, r := range all {
					w.launch(r)
				}
				for !w.accepted() {
					w.wait(100 * time.Millisecond)
				}
				bad := 0
				for range 5531 {
					w.wait(500 * time.Millisecond)
					if !w.accepted() {
						bad++
					}
				}
				figure(t, "tokens of two minutes, four of six replicas barred",
					"%s: %d of 5531 reads found no good token, %d calls", api, bad, w.calls())
				if bad > 0 {
					w.Errorf("%d of 5531 reads found no good token\n%s", bad, w.tail())
				}
				for _, r := range all {
					r.kill()
				}
			})
		})
	}
}

// TestCrashLoopOfBarredReplicas: replicas that nobody lets in, restarted each
// second, forget their bars; what the fleet shares bounds their calls.
func TestCrashLoopOfBarredReplicas(t *testing.T) {
	withoutRace(t)
	for api, most := range map[string]int{"stable": 130, "classic": 25} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			inWorld(t, api, func(w *world) {
				all := w.sixReplicas()[:2]
				for range 3600 {
					for _, r := range all {
						w.launch(r)
					}
					w.wait(time.Second)
					for _, r := range all {
						r.crash()
					}
				}
				if w.calls() > most {
					w.Errorf("%d calls in an hour, want at most %d", w.calls(), most)
				}
				figure(t, "crash loop of barred replicas", "%s: %d calls in an hour", api, w.calls())
			})
		})
	}
}

// TestBusyUntilShortlyBeforeTheEnd: WeChat answers with a failure until a minute
// before the expiry of a token of ten minutes, and is well then. One daemon with
// the defaults leaves readers without a token for about a minute at most.
func TestBusyUntilShortlyBeforeTheEnd(t *testing.T) {
	withoutRace(t)
	codes := map[string]int{"45011": 45011, "-1": -1, "40164": 40164, "40125": 40125, "61024": 61024, "48004": 48004,
		"50002": 50002, "10003": 10003}
	for _, api := range []string{"stable", "classic"} {
		for name, code := range codes {
			for when, ends := range map[string]time.Duration{"a minute before": time.Minute,
				"four minutes before": 4 * time.Minute, "at the end": 0, "three minutes after": -3 * time.Minute} {
				t.Run(api+"/"+name+"/"+when, func(t *testing.T) {
					t.Parallel()
					inWorldOf(t, api, 10*time.Minute, func(w *world) {
						w.start()
						w.wait(time.Second)
						well := time.Now().Add(10*time.Minute - time.Second - ends)
						for _, path := range []string{wechatsim.PathToken, wechatsim.PathStableToken} {
							w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: code, Path: path, Until: well})
						}
						w.wait(time.Until(well))
						calls, longest, without := w.calls(), time.Duration(0), time.Duration(0)
						for time.Since(well) < 10*time.Minute {
							w.wait(time.Second)
							if without += time.Second; w.accepted() {
								without = 0
							}
							longest = max(longest, without)
						}
						if longest > 75*time.Second {
							w.Errorf("without a token for %v; %d calls before\n%s", longest, calls, w.story())
						}
						if calls > 60 {
							w.Errorf("%d calls in ten minutes", calls)
						}
					})
				})
			}
		}
	}
}

// TestStrayBar: one 40164 on the way to a refresh is that of one of several exits.
// One daemon: readers feel nothing, also where a refresh begins late.
func TestStrayBar(t *testing.T) {
	withoutRace(t)
	for _, api := range []string{"stable", "classic"} {
		for _, code := range []int{40164, 61004, 89503} {
			for name, ahead := range map[string]time.Duration{"in time": 270 * time.Second, "late": 50 * time.Second} {
				t.Run(fmt.Sprint(api, "/", code, "/", name), func(t *testing.T) {
					inWorld(t, api, func(w *world) {
						w.config.Credentials[0].Ahead = ahead
						w.warm()
						w.inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: code, Times: 1})
						for range 40 * 60 {
							w.wait(time.Second)
							if !w.accepted() {
								w.Fatalf("no good token\n%s", w.story())
							}
						}
					})
				})
			}
		}
	}
}

// TestNineGarbageAnswers: where asking again is harmless, an outcome that nobody
// knows is no reason to wait. The slack is not used up.
func TestNineGarbageAnswers(t *testing.T) {
	withoutRace(t)
	for _, kind := range []wechatsim.FaultKind{wechatsim.FaultTruncated, wechatsim.FaultHTML, wechatsim.FaultEmpty,
		wechatsim.FaultReplyLost, wechatsim.FaultNoToken} {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, "stable", func(w *world) {
				w.warm()
				w.inject(wechatsim.Fault{Kind: kind, Times: 9, Path: wechatsim.PathStableToken})
				due := time.Now().Add(10 * time.Second)
				before := w.read()
				for w.read() == before {
					w.wait(time.Second)
					if !w.accepted() {
						w.Fatalf("no good token\n%s", w.story())
					}
				}
				took := time.Since(due)
				figure(t, "nine answers in a row that are garbage", "stable, %s: a new token %v after it was due", kind,
					took.Round(time.Second))
				if took > 233*time.Second {
					w.Errorf("a new token %v after it was due, which is beyond the slack", took)
				}
			})
		})
	}
}
