package keeper

import (
	"io/fs"
	"maps"
	"strings"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// target is one more place where readers look, as it was seen last.
type target struct {
	credential.Target
	// known is what should lie there by the last look, and name that of its bytes.
	known layout.Entry
	name  store.Name
	// glance is what lay there then, and verdict what the layout says to it.
	glance  store.Glance
	verdict layout.Verdict
	// wrong says that it is to be written.
	wrong bool
	// settled says that it was as it should be once: who puts something else there does it against us.
	settled bool
	// foreign is the last such thing that people were told of, and met when, by this host's clock.
	foreign store.Name
	met     time.Time
	// left says that this replica never mints, and that its user of Redis may not write here: others do.
	left bool
	// stays is the mode that a file was found with: a file system without modes keeps its own, whatever is written.
	stays fs.FileMode
	// hung is until when a file system that does not answer is left alone, by this host's clock.
	hung time.Time
}

// targets are those of one credential.
type targets struct {
	keys, files []*target
	// The tokens that may still lie there, the newest first.
	recent []secret.Token
}

func newTargets(all []credential.Target) (t targets) {
	for _, one := range all {
		if one.File != "" {
			t.files = append(t.files, &target{Target: one})
		} else {
			t.keys = append(t.keys, &target{Target: one})
		}
	}
	return t
}

func (t targets) each(do func(*target)) {
	for _, one := range t.keys {
		do(one)
	}
	for _, one := range t.files {
		do(one)
	}
}

// failingTargets lists what is wrong with targets.
func (k *Keeper) failingTargets() (messages []string) {
	k.targets.each(func(t *target) {
		if k.isFailing(t) {
			messages = append(messages, k.told.failing[t].message)
		}
	})
	return messages
}

// remember keeps tokens that may be found at a target until the newest is there.
func (t *targets) remember(token secret.Token) {
	if token == "" || len(t.recent) > 0 && t.recent[0] == token {
		return
	}
	t.recent = append([]secret.Token{token}, t.recent...)
	t.recent = t.recent[:min(4, len(t.recent))]
}

// Slot is what a look is to look at.
func (k *Keeper) Slot() store.Slot {
	slot := k.policy.Slot
	if len(k.targets.keys) == 0 {
		return slot
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.targets.keys {
		slot.Mirrors = append(slot.Mirrors, store.Mirror{Key: t.Key.Reveal(), Known: t.name})
	}
	return slot
}

// shown says that readers of the key get the state's token, so that those of
// targets may: nobody gets one there before, or one that a newer one has replaced.
func (v look) shown() bool {
	return v.State.Live(v.Now) && v.left > 0 && v.Value.Token == v.State.Token && !v.newer() && v.memory == nil
}

// see takes in what lies at the targets in Redis, and says whether one of them
// shows that somebody else has drawn a token. Called with mu held.
func (k *Keeper) see(glances []store.Glance, v look) (drawn bool) {
	k.targets.remember(v.State.Token)
	for i, t := range k.targets.keys {
		if i >= len(glances) {
			return drawn
		}
		t.glance, t.wrong = glances[i], false
		if t.glance.Err != nil {
			k.targetFailed(t, "could not look at the target", t.glance.Err)
			continue
		}
		if !v.shown() {
			continue
		}
		found := t.found()
		t.known = t.entry(v)
		t.name = store.NameOf(t.known.Reveal())
		t.verdict = t.known.Judge(found, k.targets.recent...)
		if t.verdict == layout.Ours {
			t.settled, t.foreign = true, ""
			k.works(t)
		}
		// As under the key, a token is not buried before a mint has answered it.
		if t.verdict == layout.Foreign && t.settled && t.holdsToken() && k.policy.Replaces &&
			v.Now.Sub(v.State.OutsideAt) >= k.policy.Overlap {
			drawn = true
			continue
		}
		t.wrong = t.verdict != layout.Ours && t.known.TTL > 0 && !t.left
	}
	return drawn
}

// entry is what should lie at a target when it was seen. Servers have clocks of
// their own, and a target never outlives the token by either of two.
func (t *target) entry(v look) layout.Entry {
	at := v.Now
	if t.glance.At.After(at) {
		at = t.glance.At
	}
	return t.Entry(v.State.Token, v.State.ExpiresIn, v.State.ExpiresAt, at)
}

// found is what lies there, as the layout judges it.
func (t *target) found() layout.Found {
	g := t.glance
	found := layout.Found{Value: g.Value, Fields: g.Fields, TTL: g.TTL}
	if g.Name == t.name && g.Name != "" {
		// It was known, and not brought once more.
		value, fields := t.known.Reveal()
		found.Value, found.Fields = secret.Secret(value), map[string]secret.Secret{}
		for i := 0; i+1 < len(fields); i += 2 {
			found.Fields[fields[i]] = secret.Secret(fields[i+1])
		}
	}
	hash := strings.HasPrefix(string(g.Name), "hash:")
	found.Other = g.Name != "" && (hash != (t.Form == layout.Hash) || strings.HasPrefix(string(g.Name), "long:") ||
		g.Name == "wrongtype")
	return found
}

// holdsToken says that what was found has something in it that could be a token.
func (t *target) holdsToken() bool {
	for text := range maps.Values(t.glance.Fields) {
		if layout.HoldsToken(text.Reveal()) {
			return true
		}
	}
	return layout.HoldsToken(t.glance.Value.Reveal())
}

// targetFailed keeps what fails at a target, and logs it once for each cause. It
// is no matter of the key. Called with mu held.
func (k *Keeper) targetFailed(t *target, what string, err error) {
	if !k.policy.Mint && store.Forbidden(err) {
		t.left = true
		return
	}
	trouble := k.explain(err)
	if t.File != "" {
		trouble = store.Trouble{What: secret.Reason(err).Error(), Cure: writableFile}
	}
	message := strings.TrimSuffix(what+" "+t.String()+": "+err.Error()+": "+trouble.Cure, ": ")
	if k.fails(t, failing{trouble.What, message}) {
		k.log.Warn(what, "target", t.String(), "error", err, "cure", trouble.Cure,
			"next_attempt", "in "+k.policy.Poll.String())
	}
}

const writableFile = "make its directory one that the daemon's user may write to, and nothing else of that name there"

// tellForeign tells what somebody else put in the place of a token, once each.
// Called with mu held.
func (k *Keeper) tellForeign(t *target, name store.Name) {
	t.met = time.Now()
	if name == t.foreign {
		return
	}
	t.foreign = name
	k.metrics.TargetForeign(k.policy.Keys.Value)
	k.log.Warn("an app fetches its own token: somebody else wrote to a target, and the token is written back",
		"target", t.String(), "layout", t.Reader)
}

// tellTargets brings metrics up to the newest look. Called with mu held.
func (k *Keeper) tellTargets() {
	k.metrics.Targets(k.policy.Keys.Value, len(k.targets.keys)+len(k.targets.files), len(k.failingTargets()))
}

// foreignFor is how long people are reminded of an app that fetches its own token.
const foreignFor = time.Hour

// targetNotes are what a person should know about targets.
func (k *Keeper) targetNotes() []string {
	notes := k.failingTargets()
	k.targets.each(func(t *target) {
		if !t.met.IsZero() && time.Since(t.met) < foreignFor {
			notes = append(notes, "an app fetches its own token, and wrote it to the target "+t.String()+
				": take the AppSecret away from it; it finds the token there")
		}
	})
	return notes
}

// written counts a write to a target. Called with mu held.
func (k *Keeper) written(t *target, result metrics.Write) {
	k.metrics.TargetWrite(k.policy.Keys.Value, result)
	if result == metrics.WriteDone {
		k.works(t)
	}
}
