package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/store"
)

// barred is an attempt from an address that WeChat does not let in.
func (w *world) barred(address string) {
	w.Helper()
	w.plant("begun_at", 0, "next_attempt_at", 0)
	w.mustBegin(attempt("ab"))
	a := store.Abort{Attempt: "ab", Wait: time.Second, Failure: failure(), Address: address}
	check(w, "abort", w.abort(a), store.Aborted)
}

func addresses(exits store.Exits) string {
	var all []string
	for _, e := range exits.List() {
		all = append(all, e.Address)
	}
	return strings.Join(all, " ")
}

// A6: whoever whitelists addresses finds all of them in one place, each once.
func TestAbortA6NamesTheExit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.barred("")
		check(w, "none", addresses(w.observe().State.Exits), "")
		from := w.now()
		for _, address := range []string{"192.0.2.1", "2001:db8::1", "192.0.2.1"} {
			w.barred(address)
		}
		exits := w.observe().State.Exits
		check(w, "exits", addresses(exits), "192.0.2.1 2001:db8::1")
		w.during("seen", exits.List()[0].At, from)
		w.mint("a2", token(2))
		check(w, "after a mint from who knows where", w.observe().State.Exits, exits)
	})
}

// A6: a cloud may have thousands of them; the newest are worth a person's while.
func TestAbortA6KeepsSixteen(t *testing.T) {
	everywhere(t, func(w *world) {
		for i := range 20 {
			w.barred(fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%d", 6600+i))
		}
		exits := w.observe().State.Exits.List()
		check(w, "exits", len(exits), 16)
		check(w, "newest", exits[0].Address, "2001:db8:1111:2222:3333:4444:5555:6619")
		check(w, "oldest", exits[15].Address, "2001:db8:1111:2222:3333:4444:5555:6604")
	})
}

// A6: what is no address would make all of them what no daemon has written.
func TestAbortA6IsAnAddress(t *testing.T) {
	everywhere(t, func(w *world) {
		w.barred("192.0.2.1")
		for _, text := range []string{"fe80::1%eth0", "x", "1=2", " ", "192.0.2.1 192.0.2.2", strings.Repeat("1", 40)} {
			w.barred(text)
			check(w, text, addresses(w.observe().State.Exits), "192.0.2.1")
		}
	})
}

func TestExitsAreForgotten(t *testing.T) {
	inTime(t, func(w *world) {
		w.barred("192.0.2.1")
		time.Sleep(6 * 24 * time.Hour)
		w.barred("192.0.2.2")
		check(w, "exits", addresses(w.observe().State.Exits), "192.0.2.2 192.0.2.1")
		time.Sleep(24*time.Hour - time.Millisecond)
		check(w, "within a week", addresses(w.observe().State.Exits), "192.0.2.2 192.0.2.1")
		time.Sleep(time.Millisecond)
		check(w, "after it", addresses(w.observe().State.Exits), "192.0.2.2")
		time.Sleep(7 * 24 * time.Hour)
		check(w, "all", w.observe().State.Exits, "")
	})
}

// A clock that goes back takes them along.
func TestExitsWhenTheClockGoesBack(t *testing.T) {
	everywhere(t, func(w *world) {
		w.barred("192.0.2.1")
		at := w.now().Add(3 * time.Hour)
		w.plant("saved_at", at, "exits", fmt.Sprintf("192.0.2.1=%d", at.Add(-time.Hour).UnixMilli()))
		exits := w.observe().State.Exits.List()
		if len(exits) != 1 || w.now().Sub(exits[0].At).Round(time.Minute) != time.Hour {
			w.Errorf("exits %v at %v", exits, w.now())
		}
		w.barred("192.0.2.2")
		check(w, "saved by the new clock", addresses(w.observe().State.Exits), "192.0.2.2 192.0.2.1")
	})
}

// V5: WeCom gives a token to everybody, and refuses the question about it.
func TestVerdictV5NamesTheExit(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		w.claim(w.observe())
		before, o := w.content(), w.observe()
		h := store.Hearing{At: o.State.VerifiedAt, Verdict: store.VerdictBarred, Address: "192.0.2.7"}
		check(w, "verdict", w.answered(w.store.Verdict(w.Context(), w.c, o, h)), store.Barred)
		w.differs(before, "exits", "saved_at")
		check(w, "exits", addresses(w.observe().State.Exits), "192.0.2.7")
	})
}

// What no daemon writes counts as none.
func TestExitsOfNobody(t *testing.T) {
	everywhere(t, func(w *world) {
		w.mint("a1", token(1))
		now := w.observe().State.BegunAt.UnixMilli()
		good := fmt.Sprintf("192.0.2.1=%d", now)
		for _, text := range []string{
			"x", " ", good + " ", " " + good, good + "  " + good, good + " x", "192.0.2.1", "=5", "192.0.2.1=", "192.0.2.1=-5",
			"\x1b[2J=5", good + "\n" + good, "192.0.2.1=0" + fmt.Sprint(now), "192.0.2.1=1e12", "192.0.2.1=9" + fmt.Sprint(now),
			strings.TrimSpace(strings.Repeat(good+" ", 17)), strings.Repeat("1", 1000) + "=5", "192.0.2.1=5",
		} {
			w.plant("exits", text)
			if got := w.observe().State.Exits; got != "" {
				w.Errorf("%.60q counts as %q", text, got)
			}
		}
		w.plant("exits", good)
		check(w, "exits", string(w.observe().State.Exits), good)
	})
}
