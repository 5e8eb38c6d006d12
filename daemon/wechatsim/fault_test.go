package wechatsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func TestFaultKinds(t *testing.T) {
	errcode := func(want int) func(result) bool {
		return func(r result) bool {
			var a answer
			return json.Unmarshal([]byte(r.body), &a) == nil && a.code() == want && r.status == 200 &&
				strings.Contains(a.Message, " rid: ")
		}
	}
	expires := func(raw string) func(result) bool {
		return func(r result) bool {
			var a map[string]json.RawMessage
			err := json.Unmarshal([]byte(r.body), &a)
			return err == nil && string(a["expires_in"]) == raw && len(a["access_token"]) > 80
		}
	}
	isHTML := func(status int, body string) func(result) bool {
		return func(r result) bool {
			return r.status == status && strings.HasPrefix(r.header.Get("Content-Type"), "text/html") &&
				strings.Contains(r.body, body)
		}
	}
	skew := func(r result) time.Duration {
		at, err := http.ParseTime(r.header.Get("Date"))
		if err != nil {
			return 0
		}
		return time.Until(at) // exact: no time passes in a bubble that does not sleep
	}
	tests := []struct {
		name   string
		fault  wechatsim.Fault
		issued int // tokens, by one call
		check  func(result) bool
	}{
		{"errcode", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009}, 0, errcode(45009)},
		{"errcode -1", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1}, 0, errcode(-1)},
		{"errcode nobody knows", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 12345}, 0, errcode(12345)},
		{"errcode with text", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 1, Message: "own words"}, 0,
			func(r result) bool { return strings.Contains(r.body, `"own words rid: `) }},
		{"errcode names the caller", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40164}, 0,
			func(r result) bool {
				return strings.Contains(r.body, "invalid ip "+caller+" ipv6 ::ffff:"+caller+", not")
			}},
		{"status", wechatsim.Fault{Kind: wechatsim.FaultStatus}, 0, isHTML(502, "Bad Gateway")},
		{"status 503", wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 503, Body: "busy"}, 0, isHTML(503, "busy")},
		{"empty", wechatsim.Fault{Kind: wechatsim.FaultEmpty}, 0,
			func(r result) bool {
				return r.status == 200 && r.body == "" && r.header.Get("Content-Type") == "text/html; charset=gbk" && r.err == nil
			}},
		{"html", wechatsim.Fault{Kind: wechatsim.FaultHTML}, 0, isHTML(200, "Sign in")},
		{"html with body", wechatsim.Fault{Kind: wechatsim.FaultHTML, Body: "<p>own"}, 0, isHTML(200, "<p>own")},
		{"redirect", wechatsim.Fault{Kind: wechatsim.FaultRedirect, Body: "http://10.0.0.9/x"}, 0,
			func(r result) bool { return r.status == 302 && r.header.Get("Location") == "http://10.0.0.9/x" }},
		{"reset", wechatsim.Fault{Kind: wechatsim.FaultReset}, 0,
			func(r result) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{"hang", wechatsim.Fault{Kind: wechatsim.FaultHang}, 0,
			func(r result) bool { return errors.Is(r.err, context.DeadlineExceeded) && r.took == 10*time.Second }},
		{"endless", wechatsim.Fault{Kind: wechatsim.FaultEndless}, 0,
			func(r result) bool {
				return len(r.body) == 3<<20 && strings.HasPrefix(r.body, `{"access_token":"98_aaa`) &&
					r.header.Get("Content-Encoding") == ""
			}},
		{"gzip bomb", wechatsim.Fault{Kind: wechatsim.FaultGzipBomb}, 0,
			func(r result) bool {
				return len(r.body) == 3<<20 && strings.HasPrefix(r.body, `{"access_token":"98_aaa`)
			}},
		{"reply lost", wechatsim.Fault{Kind: wechatsim.FaultReplyLost}, 1,
			func(r result) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{"delay", wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: 3 * time.Second}, 1,
			func(r result) bool { return r.took == 3*time.Second && expires("7200")(r) }},
		{"delay beyond the client's patience", wechatsim.Fault{Kind: wechatsim.FaultDelay, Delay: time.Minute}, 1,
			func(r result) bool { return r.err != nil && r.took == 10*time.Second }},
		{"delayed error", wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Delay: time.Second}, 0,
			func(r result) bool { return r.took == time.Second && errcode(-1)(r) }},
		{"delayed status", wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 500, Delay: time.Second}, 0,
			func(r result) bool { return r.took == time.Second && r.status == 500 }},
		{"slow body", wechatsim.Fault{Kind: wechatsim.FaultSlowBody}, 1,
			func(r result) bool {
				return r.status == 200 && r.err != nil && len(r.body) >= 9 && len(r.body) <= 11 && r.took == 10*time.Second
			}},
		{"slow body that arrives", wechatsim.Fault{Kind: wechatsim.FaultSlowBody, Delay: 10 * time.Millisecond}, 1,
			func(r result) bool { return r.took > time.Second && expires("7200")(r) }},
		{"truncated", wechatsim.Fault{Kind: wechatsim.FaultTruncated}, 1,
			func(r result) bool {
				return r.err == nil && strings.HasPrefix(r.body, `{"access_token":"98_`) && !json.Valid([]byte(r.body))
			}},
		{"no token", wechatsim.Fault{Kind: wechatsim.FaultNoToken}, 1,
			func(r result) bool { return r.body == `{"expires_in":7200}` }},
		{"expires_in missing", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn}, 1, expires("")},
		{"expires_in 0", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("0")}, 1, expires("0")},
		{"expires_in negative", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("-1")}, 1, expires("-1")},
		{"expires_in string", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte(`"7200"`)}, 1,
			expires(`"7200"`)},
		{"expires_in huge", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("1e12")}, 1, expires("1e12")},
		{"expires_in 299", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("299")}, 1, expires("299")},
		{"long token", wechatsim.Fault{Kind: wechatsim.FaultLongToken}, 1,
			func(r result) bool {
				var a answer
				return json.Unmarshal([]byte(r.body), &a) == nil && len(a.Token) == 512
			}},
		{"clock ahead", wechatsim.Fault{Kind: wechatsim.FaultClockSkew, Skew: 20 * time.Second}, 1,
			func(r result) bool { return skew(r) == 20*time.Second && expires("7200")(r) }},
		{"clock behind, and late", wechatsim.Fault{Kind: wechatsim.FaultClockSkew, Skew: -3 * time.Minute,
			Delay: time.Second}, 1,
			func(r result) bool {
				return skew(r) == -3*time.Minute && r.took == time.Second && expires("7200")(r)
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			online(t, nil, func(t *testing.T, s site) {
				tt.fault.Times = 1
				s.inject(tt.fault)
				r := s.mint()
				if !tt.check(r) {
					t.Errorf("status %d, %v, %d bytes, error %v, after %v: %.300s", r.status, r.header, len(r.body),
						r.err, r.took, r.body)
				}
				if got := len(s.Issued()); got != tt.issued {
					t.Errorf("%d tokens issued, want %d", got, tt.issued)
				}
				if got := s.Calls(appid)[wechatsim.PathToken]; got != 1 {
					t.Errorf("%d calls counted", got)
				}
				if left := s.Faults(); len(left) != 0 {
					t.Errorf("not used up: %v", left)
				}
				if r := s.mint(); !expires("7200")(r) {
					t.Errorf("the call after the fault: %+v", r)
				}
			})
		})
	}
}

// The bomb is small on the wire: that is its point.
func TestGzipBombOnTheWire(t *testing.T) {
	online(t, nil, func(t *testing.T, s site) {
		s.client.Transport.(*http.Transport).DisableCompression = true
		s.inject(wechatsim.Fault{Kind: wechatsim.FaultGzipBomb})
		r := s.mint()
		if r.header.Get("Content-Encoding") != "gzip" || !bytes.HasPrefix([]byte(r.body), []byte{0x1f, 0x8b}) {
			t.Errorf("%v % x", r.header, r.body[:4])
		}
		// 3 MiB of members of about 1 KB each unpack to some gigabytes.
		if members := strings.Count(r.body, "\x1f\x8b\x08"); members < 1000 {
			t.Errorf("only %d members in 3 MiB", members)
		}
	})
}

// With newest-two the token before a lost one is on its last five minutes.
func TestReplyLostSupersedes(t *testing.T) {
	online(t, nil, func(t *testing.T, s site) {
		before := s.classic().Token
		s.inject(wechatsim.Fault{Kind: wechatsim.FaultReplyLost, Times: 1})
		if r := s.mint(); r.err == nil {
			t.Errorf("a reply: %+v", r)
		}
		time.Sleep(5*time.Minute - ms)
		s.wantUse("before", before, 0)
		time.Sleep(ms)
		s.wantUse("after", before, 40001)
		if lost, _ := s.Current(appid, wechatsim.Classic); !s.Accepts(appid, lost.Reveal()) {
			t.Error("the lost token is not current")
		}
	})
}

func TestDuplicate(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		if _, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultDuplicate}); err != nil {
			t.Fatal(err)
		}
		first := s.classic()
		time.Sleep(time.Second)
		if again := s.classic(); again.Token != first.Token || string(again.Expires) != "7199" {
			t.Errorf("%s after %s", again.body, first.body)
		}
		time.Sleep(2 * time.Hour)
		if late := s.classic(); late.Token == first.Token {
			t.Error("an expired token was issued again")
		}
	})
}
