package tokenapi

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// asksTooMuch asks in every way, rightly and wrongly, where too many guesses came from.
func (w *world) asksTooMuch() {
	w.Helper()
	w.refused("one too many", w.get("/token/A", nobody), 429, 45011)
	w.refused("none at all", w.get("/token/A", ""), 429, 45011)
	w.refused("a right one that nobody knew", w.get("/token/W", corp), 429, 45011)
	w.refused("on WeChat's path", w.get(classic+"&appid=wx1&secret="+nobody, ""), 200, 45011)
	w.refused("a token", w.get("/cgi-bin/ticket/getticket?type=jsapi&access_token="+value("A").Reveal(), ""), 200, 45011)
	got := w.get("/WeChatService.ashx?function=GetAccessToken", nobody).Body.String()
	if !strings.Contains(got, limited) {
		w.Error(got)
	}
}

// TestWrongTriesAreLimited: an address that guesses is heard no more, and does
// not learn whether a guess was right. Whoever was right before is served.
func TestWrongTriesAreLimited(t *testing.T) {
	inWorld(t, func(w *world) {
		if w.get("/token/A", shop).Code != 200 {
			t.Fatal("not served")
		}
		for range burst {
			w.refused("a guess", w.get("/token/A", nobody), 401, 40125)
		}
		for range 3 {
			w.asksTooMuch()
		}
		if w.get("/token/A", shop).Code != 200 {
			t.Error("whoever was right before is not served")
		}
		said := strings.Contains(w.logs.String(), "address=192.0.2.1")
		if n := strings.Count(w.logs.String(), "level=WARN"); n != 1 || !said {
			t.Errorf("%d warnings\n%s", n, w.logs.String())
		}
		w.from = "192.0.2.2:1"
		if w.get("/token/W", corp).Code != 200 {
			t.Error("another address is not served")
		}
		w.from = "192.0.2.1:2"
		time.Sleep(tryEvery)
		if w.get("/token/W", corp).Code != 200 {
			t.Error("a right one does not use up a try")
		}
		w.refused("the one try", w.get("/token/A", nobody), 401, 40125)
		w.refused("and no other", w.get("/token/A", nobody), 429, 45011)
		time.Sleep(burst * tryEvery)
		for range burst {
			w.refused("all are back", w.get("/token/A", nobody), 401, 40125)
		}
		if n := strings.Count(w.logs.String(), "level=WARN"); n != 2 {
			t.Errorf("%d warnings\n%s", n, w.logs.String())
		}
		time.Sleep(remembered)
		for range burst {
			w.get("/token/A", nobody)
		}
		w.refused("long ago", w.get("/token/A", shop), 429, 45011)
		if w.counted[" limited"] != 3*6+2 {
			t.Errorf("counted %v", w.counted)
		}
	})
}

// TestGuessesAtTokensAreLimited as those at secrets are; whoever has a token goes on.
func TestGuessesAtTokensAreLimited(t *testing.T) {
	inWorld(t, func(w *world) {
		const path = "/cgi-bin/ticket/getticket?type=jsapi&access_token="
		good := func() bool { return strings.Contains(w.get(path+value("A").Reveal(), "").Body.String(), `"ticket"`) }
		if !good() {
			t.Fatal("no ticket")
		}
		for i := range burst {
			w.refused("a guess", w.get(path+fmt.Sprint(i), ""), 200, 40001)
		}
		w.refused("one too many", w.get(path+"x", ""), 200, 45011)
		w.refused("nor a secret", w.get("/token/A", shop), 429, 45011)
		if !good() {
			t.Error("who showed the token before gets nothing")
		}
	})
}

// TestLimiterIsBounded: a million addresses take a few megabytes, and those who
// were right are still known.
func TestLimiterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, right := newLimiter(), sha256.Sum256([]byte("x"))
		known := netip.MustParseAddr("192.0.2.1")
		l.judge(known, &right)
		for range burst {
			l.judge(known, nil)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 1_000_000 {
			l.judge(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), nil)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); len(l.of) > maxAddresses || grown > 4<<20 {
			t.Errorf("%d addresses, %d bytes", len(l.of), grown)
		}
		if heard, _ := l.judge(known, &right); !heard {
			t.Error("who was right is forgotten")
		}
		if heard, _ := l.judge(netip.MustParseAddr("198.51.100.1"), nil); heard {
			t.Error("the others have no limit")
		}
	})
}

// TestAddressesComeFree as soon as there is nothing to remember of them.
func TestAddressesComeFree(t *testing.T) {
	inWorld(t, func(w *world) {
		l := newLimiter()
		for i := range maxAddresses {
			l.judge(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), nil)
		}
		late := netip.MustParseAddr("192.0.2.1")
		l.judge(late, nil)
		if l.of[late] != nil {
			t.Error("there is no room")
		}
		time.Sleep(tryEvery + time.Millisecond)
		l.judge(late, nil)
		if l.of[late] == nil || len(l.of) != 1 {
			t.Errorf("%d addresses", len(l.of))
		}
	})
}

// TestTheWarningNamesTheHost, and not the network that shares its tries.
func TestTheWarningNamesTheHost(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range burst {
			w.from = fmt.Sprintf("[2001:db8::%x]:80", i+1)
			w.get("/token/A", nobody)
		}
		if !strings.Contains(w.logs.String(), "address=2001:db8::3c\n") {
			t.Error(w.logs.String())
		}
	})
}

func TestNetworkOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "[2001:db8::1:2]:80": "2001:db8::",
		"[2001:db8:0:1::2]:80": "2001:db8:0:1::", "[fe80::1%eth0]:80": "fe80::", "@": "invalid IP", "": "invalid IP",
	} {
		if got := fmt.Sprint(networkOf(hostOf(remote))); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

// TestWho finds the consumer by the whole secret alone.
func TestWho(t *testing.T) {
	var all []Consumer
	for i := range 100 {
		all = append(all, Consumer{Name: fmt.Sprint(i), Sum: sha256.Sum256(fmt.Appendf(nil, "secret %d", i))})
	}
	set := newConsumers(all)
	for i := range 100 {
		if c := set.who(fmt.Sprintf("secret %d", i)); c == nil || c.Name != fmt.Sprint(i) {
			t.Errorf("secret %d is that of %v", i, c)
		}
	}
	for _, secret := range []string{"", "secret", "secret 100", "SECRET 1"} {
		if c := set.who(secret); c != nil {
			t.Errorf("%q is that of %s", secret, c.Name)
		}
	}
}
