package wechatsim_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func TestClassicOverlap(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.classic()
		if first.code() != 0 || first.Code != nil || string(first.Expires) != "7200" || first.status != 200 {
			t.Fatalf("answer: %s", first.body)
		}
		if got := first.header.Get("Content-Type"); got != "application/json; encoding=utf-8" {
			t.Errorf("content type %q", got)
		}
		if !regexp.MustCompile(`^9[0-9]_[A-Za-z0-9_-]{133}$`).MatchString(first.Token) {
			t.Errorf("token %q", first.Token)
		}
		time.Sleep(time.Hour)
		second := s.classic()
		time.Sleep(5*time.Minute - ms)
		s.wantUse("superseded, last millisecond", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("superseded, overlap over", first.Token, 40001)
		time.Sleep(2*time.Hour - 5*time.Minute - ms)
		s.wantUse("current, last millisecond", second.Token, 0)
		time.Sleep(ms)
		s.wantUse("current, expired", second.Token, 42001)
		third := s.classic()
		s.wantUse("superseded after expiry", second.Token, 40001)
		s.wantUse("third", third.Token, 0)
	})
}

// The overlap never lengthens a life.
func TestOverlapEndsWithTheLife(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.classic()
		time.Sleep(2*time.Hour - time.Minute)
		s.classic()
		time.Sleep(time.Minute - ms)
		s.wantUse("before its expiry", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("at its expiry", first.Token, 40001)
	})
}

func TestNewestTwo(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("keep=", keep), func(t *testing.T) {
			inBubble(t, func(o *wechatsim.Options) { o.KeepSuperseded = keep }, func(t *testing.T, s sim) {
				a, b, c := s.classic().Token, s.classic().Token, s.classic().Token
				code := 40001
				if keep {
					code = 0
				}
				s.wantUse("third newest", a, code)
				s.wantUse("second newest", b, 0)
				s.wantUse("newest", c, 0)
				time.Sleep(5 * time.Minute)
				s.wantUse("third newest, later", a, 40001)
				s.wantUse("second newest, later", b, 40001)
				s.wantUse("newest, later", c, 0)
			})
		})
	}
}

func TestChannelsAreIsolated(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		stable, classic := s.stable().Token, s.classic().Token
		for range 3 {
			s.classic()
			s.wantUse("stable beside classic", stable, 0)
		}
		s.wantUse("old classic", classic, 40001)
		classic = s.classic().Token
		for range 3 {
			time.Sleep(30 * time.Second)
			s.forced()
		}
		s.wantUse("classic beside forced", classic, 0)
		s.wantUse("old stable", stable, 40001)
		if got := s.Accepts(appidTwo, classic); got {
			t.Error("a token of another app is accepted")
		}
	})
}

func TestStableRenewsInTheLastFiveMinutes(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		first := s.stable()
		time.Sleep(6855 * time.Second)
		if again := s.stable(); again.Token != first.Token || string(again.Expires) != "345" {
			t.Errorf("within validity: %s", again.body)
		}
		time.Sleep(45*time.Second - ms)
		if again := s.stable(); again.Token != first.Token || string(again.Expires) != "300" {
			t.Errorf("a millisecond before the window: %s", again.body)
		}
		time.Sleep(ms)
		next := s.stable()
		if next.Token == first.Token || string(next.Expires) != "7200" {
			t.Errorf("in the window: %s", next.body)
		}
		time.Sleep(5*time.Minute - ms)
		s.wantUse("old", first.Token, 0)
		time.Sleep(ms)
		s.wantUse("old, overlap over", first.Token, 40001)
		time.Sleep(3 * time.Hour)
		s.wantUse("new, expired", next.Token, 42001)
		if last := s.stable(); last.Token == next.Token || string(last.Expires) != "7200" {
			t.Errorf("after expiry: %s", last.body)
		}
		var reasons []string
		for _, i := range s.Issued() {
			reasons = append(reasons, i.Reason)
		}
		if got := strings.Join(reasons, ","); got != "normal,renewed,renewed" {
			t.Errorf("reasons %s", got)
		}
	})
}

func TestForcedRefresh(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		leaked := s.stable().Token
		first := s.forced()
		if first.Token == leaked || string(first.Expires) != "7200" {
			t.Errorf("forced: %s", first.body)
		}
		s.wantUse("leaked, overlap", leaked, 0)
		time.Sleep(30*time.Second - ms)
		if again := s.forced(); again.Token != first.Token || string(again.Expires) != "7170" {
			t.Errorf("too soon: %s", again.body)
		}
		time.Sleep(ms)
		second := s.forced()
		if second.Token == first.Token {
			t.Errorf("after the spacing: %s", second.body)
		}
		s.wantUse("leaked, forced twice", leaked, 40001)
		for range 18 {
			time.Sleep(30 * time.Second)
			if got := s.forced(); got.code() != 0 {
				t.Fatalf("within twenty: %s", got.body)
			}
		}
		time.Sleep(30 * time.Second)
		if got := s.forced(); got.code() != 45009 {
			t.Errorf("twenty-first: %s", got.body)
		}
		if got := s.stable(); got.code() != 0 {
			t.Errorf("normal mode beside it: %s", got.body)
		}
		time.Sleep(24 * time.Hour)
		if got := s.forced(); got.code() != 0 {
			t.Errorf("next day: %s", got.body)
		}
	})
}

func TestScaledPeriods(t *testing.T) {
	inBubble(t, func(o *wechatsim.Options) {
		o.Periods = wechatsim.DefaultPeriods().Scaled(0.0005)
	}, func(t *testing.T, s sim) {
		first := s.stable()
		if string(first.Expires) != "3.6" {
			t.Errorf("life: %s", first.body)
		}
		time.Sleep(1234 * time.Microsecond)
		if a := s.stable(); string(a.Expires) != "3.598" {
			t.Errorf("remaining: %s", a.body)
		}
		time.Sleep(3450*ms - 1234*time.Microsecond)
		if a := s.stable(); a.Token == first.Token || string(a.Expires) != "3.6" {
			t.Errorf("renewal: %s", a.body)
		}
		time.Sleep(150 * ms)
		s.wantUse("scaled overlap over", first.Token, 40001)
	})
	inBubble(t, func(o *wechatsim.Options) {
		o.Periods = wechatsim.DefaultPeriods().Scaled(0.01)
	}, func(t *testing.T, s sim) {
		if a := s.stable(); string(a.Expires) != "72" {
			t.Errorf("whole numbers print as such: %s", a.body)
		}
	})
}

func TestTokenSource(t *testing.T) {
	draw := func(seed uint64, length int) (token string) {
		inBubble(t, func(o *wechatsim.Options) {
			o.Seed, o.TokenLength = seed, length
		}, func(_ *testing.T, s sim) { token = s.classic().Token })
		return token
	}
	first, again, other := draw(7, 0), draw(7, 0), draw(8, 0)
	if first != again {
		t.Error("the same seed drew different tokens")
	}
	if unseeded, twice := draw(0, 0), draw(0, 0); first == other || unseeded == twice {
		t.Error("different seeds, or none, drew the same token")
	}
	for _, length := range []int{84, 512} {
		if got := len(draw(0, length)); got != length {
			t.Errorf("length %d, want %d", got, length)
		}
	}
}
