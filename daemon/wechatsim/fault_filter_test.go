package wechatsim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/wechatsim"
)

func TestFaultFilters(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		two := func() answer { return s.do("GET", classicURL(appidTwo, pass), "") }
		token := s.classic().Token
		id, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Path: wechatsim.PathToken,
			AppID: appid, Times: 2})
		s.must(err)
		if s.stable().code() != 0 || two().code() != 0 || s.use(token) != 0 {
			t.Error("the fault hit a call outside of its filter")
		}
		if left := s.Faults(); len(left) != 1 || left[0].ID != id || left[0].Times != 2 {
			t.Errorf("faults %+v", left)
		}
		if a, b, c := s.classic().code(), s.classic().code(), s.classic().code(); a != -1 || b != -1 || c != 0 {
			t.Errorf("errcodes %d %d %d", a, b, c)
		}

		// By the app that a token belongs to.
		_, err = s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 40001, AppID: appid,
			Path: wechatsim.PathDomainIP})
		s.must(err)
		if a, b := s.use(token), s.use(two().Token); a != 40001 || b != 0 {
			t.Errorf("errcodes %d %d", a, b)
		}

		// A fault of the token's JSON waits for a call that has a token.
		s.ClearFaults()
		_, err = s.Inject(wechatsim.Fault{Kind: wechatsim.FaultNoToken, Times: 1})
		s.must(err)
		s.use(token)
		if len(s.Faults()) != 1 || s.classic().Token != "" {
			t.Error("no_token was used up by a check")
		}
	})
}

func TestFaultUntil(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		_, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45009, Until: time.Now().Add(time.Minute)})
		s.must(err)
		time.Sleep(time.Minute - ms)
		if got := s.classic().code(); got != 45009 {
			t.Errorf("before: %d", got)
		}
		time.Sleep(ms)
		if got := s.classic().code(); got != 0 || len(s.Faults()) != 0 {
			t.Errorf("after: %d, %v", got, s.Faults())
		}
	})
}

func TestFaultProbabilityIsReproducible(t *testing.T) {
	pattern := func(seed uint64) (hits string) {
		inBubble(t, func(o *wechatsim.Options) { o.Seed = seed }, func(_ *testing.T, s sim) {
			_, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1, Probability: 0.3})
			s.must(err)
			for range 1000 {
				if s.classic().code() == -1 {
					hits += "x"
				} else {
					hits += "."
				}
			}
		})
		return hits
	}
	first := pattern(42)
	if n := strings.Count(first, "x"); n < 220 || n > 380 {
		t.Errorf("%d of 1000 calls were hit at 0.3", n)
	}
	if pattern(42) != first {
		t.Error("the same seed hit other calls")
	}
	if pattern(43) == first {
		t.Error("another seed hit the same calls")
	}
}

func TestClearFaultsByID(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		var ids []int
		for code := range 3 {
			id, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: code + 1})
			s.must(err)
			ids = append(ids, id)
		}
		s.ClearFaults(ids[0], ids[2])
		if left := s.Faults(); len(left) != 1 || left[0].Code != 2 {
			t.Errorf("left: %+v", left)
		}
		s.ClearFaults()
		if left := s.Faults(); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
		for range 1000 {
			_, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultReset})
			s.must(err)
		}
		if _, err := s.Inject(wechatsim.Fault{Kind: wechatsim.FaultReset}); err == nil {
			t.Error("no limit of faults")
		}
	})
}

func TestBadFaults(t *testing.T) {
	tests := []struct {
		field string
		fault wechatsim.Fault
	}{
		{"kind", wechatsim.Fault{}},
		{"kind", wechatsim.Fault{Kind: "x"}},
		{"path", wechatsim.Fault{Kind: wechatsim.FaultReset, Path: "/x"}},
		{"times", wechatsim.Fault{Kind: wechatsim.FaultReset, Times: -1}},
		{"probability", wechatsim.Fault{Kind: wechatsim.FaultReset, Probability: 1.5}},
		{"code", wechatsim.Fault{Kind: wechatsim.FaultErrcode}},
		{"code", wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 99}},
		{"delay", wechatsim.Fault{Kind: wechatsim.FaultDelay}},
		{"delay", wechatsim.Fault{Kind: wechatsim.FaultReset, Delay: -1}},
		{"expires_in", wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("{")}},
		{"skew", wechatsim.Fault{Kind: wechatsim.FaultClockSkew}},
		{"skew", wechatsim.Fault{Kind: wechatsim.FaultReset, Skew: 1}},
		{"kind", wechatsim.Fault{Kind: wechatsim.FaultTLS, Path: wechatsim.PathToken}},
		{"kind", wechatsim.Fault{Kind: wechatsim.FaultTLS, AppID: appid}},
		{"kind", wechatsim.Fault{Kind: wechatsim.FaultTLS, Delay: 1}},
	}
	inBubble(t, nil, func(t *testing.T, s sim) {
		for _, tt := range tests {
			_, err := s.Inject(tt.fault)
			var field *wechatsim.FieldError
			if !errors.As(err, &field) || field.Field != tt.field || field.Reason == "" || field.Cure == "" {
				t.Errorf("%+v: %v, want a refusal of %s", tt.fault, err, tt.field)
			}
		}
		if len(s.Faults()) != 0 {
			t.Error("a bad fault was injected")
		}
	})
}
