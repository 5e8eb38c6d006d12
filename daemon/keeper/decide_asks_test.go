package keeper

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// TestDecideAsks says when WeChat is asked whether it accepts the token.
func TestDecideAsks(t *testing.T) {
	at := func(d time.Duration) func(*look) { return func(v *look) { v.State.VerifyAt = instant.Add(d) } }
	gone := func(v *look) { v.Value = store.Value{} }
	reports := func(t secret.Token) func(*look) { return func(v *look) { v.Rejected = t } }
	asked := func(ago time.Duration) func(*look) { return func(v *look) { v.State.VerifiedAt = instant.Add(-ago) } }
	suspected := func(ago time.Duration) func(*look) { return func(v *look) { v.State.SuspectAt = instant.Add(-ago) } }
	usedUp := func(v *look) { v.State.QuestionsAt = instant.Add(time.Hour - store.QuestionsEvery + time.Millisecond) }
	for _, c := range []struct {
		name   string
		change []func(*look)
		want   bool
	}{
		{"in its turn", []func(*look){at(0)}, true},
		{"a millisecond before", []func(*look){at(time.Millisecond)}, false},
		{"WeChat answers nobody any more", []func(*look){at(0), reports(ours),
			func(v *look) { v.State.NoAnswerUntil = instant.Add(time.Millisecond) }}, false},
		{"WeChat may answer again", []func(*look){at(0), func(v *look) { v.State.NoAnswerUntil = instant }}, true},
		{"a reader reports the token", []func(*look){at(time.Minute), reports(ours)}, true},
		{"a reader reports another token", []func(*look){at(time.Minute), reports(foreign)}, false},
		{"a reader reports a token that was asked about a moment ago",
			[]func(*look){at(time.Minute), reports(ours), asked(30*time.Second - time.Millisecond)}, false},
		{"a reader reports a token that was asked about a while ago",
			[]func(*look){at(time.Minute), reports(ours), asked(30 * time.Second)}, true},
		{"a reader reports a token that is known to be refused",
			[]func(*look){at(time.Minute), reports(ours), refused, failed("transient")}, false},
		{"the hour's questions are used up", []func(*look){at(0), usedUp, asked(time.Minute)}, false},
		{"the same, though a reader reports", []func(*look){at(0), usedUp, asked(time.Minute), reports(ours)}, false},
		{"the same, in its turn", []func(*look){at(0), usedUp, asked(225 * time.Second)}, true},
		{"the same, to confirm a refusal", []func(*look){at(0), usedUp, asked(time.Minute), suspected(29 * time.Second)},
			true},
		{"the same, a refusal long ago", []func(*look){at(0), usedUp, asked(time.Minute), suspected(30 * time.Second)},
			false},
		{"while a mint waits", []func(*look){at(0), outstanding, failed("transient")}, true},
		{"a refused token while its mint waits", []func(*look){at(0), refused, failed("transient")}, true},
		{"beside a re-assert", []func(*look){at(0), gone}, true},
		{"beside a re-assert that a mint follows", []func(*look){at(0), gone, outstanding}, false},
		{"beside a restore", []func(*look){at(0), without, func(v *look) { v.memory = &store.Memory{Token: ours} }}, false},
		{"beside a mint", []func(*look){at(0), outstanding}, false},
		{"nothing to ask about", []func(*look){at(0), without, failed("transient")}, false},
		{"an expired token", []func(*look){at(0), expires(0), failed("transient")}, false},
		{"a newer version's", []func(*look){at(0), func(v *look) { v.State.Schema = store.Schema + 1 }}, false},
		{"a newer version's refused token", []func(*look){at(0), refused, failed("transient"),
			func(v *look) { v.State.Schema = store.Schema + 1 }}, false},
	} {
		for _, api := range []string{"stable", "classic"} {
			v := freshLook()
			for _, change := range c.change {
				change(&v)
			}
			if d := decide(v, policyOf(api)); d.ask != c.want {
				t.Errorf("%s, %s: %+v, want to ask: %v", api, c.name, d, c.want)
			}
		}
	}
}

func TestDecideAsksOnlyWhatIsAnswered(t *testing.T) {
	p, v := policyOf("stable"), freshLook()
	p.Traits.Verifiable, v.State.VerifyAt = false, instant
	if d := decide(v, p); d.ask {
		t.Errorf("asks: %+v", d)
	}
}

func TestDecideTellsTheAttempt(t *testing.T) {
	v := freshLook()
	v.Value.Token = foreign
	if d := decide(v, policyOf("classic")); !d.outside || d.urgent || d.forced {
		t.Errorf("foreign: %+v", d)
	}
	v = freshLook()
	refused(&v)
	if d := decide(v, policyOf("stable")); !d.outside || !d.urgent || d.forced {
		t.Errorf("refused: %+v", d)
	}
	outstanding(&v)
	if d := decide(v, policyOf("classic")); d.outside || !d.urgent {
		t.Errorf("refused while a mint of our own is outstanding: %+v", d)
	}
	v.State.Force = 1
	if d := decide(v, policyOf("stable")); d.outside || !d.urgent || !d.forced {
		t.Errorf("forced: %+v", d)
	}
	v = freshLook()
	expires(time.Minute)(&v)
	if d := decide(v, policyOf("stable")); d.outside || d.urgent || d.forced || d.newSecret {
		t.Errorf("ahead: %+v", d)
	}
}
