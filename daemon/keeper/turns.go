package keeper

import (
	"context"

	"wxtokend/daemon/credential"
)

// Errand says which resource an action needs, and so where it waits for its turn.
type Errand int

const (
	// ToWrite to Redis alone: re-assert, restore, a reader's report, the end of an attempt.
	ToWrite Errand = iota + 1
	// ToDraw a token from the platform.
	ToDraw
	// ToAsk the platform about a token.
	ToAsk
	// ToRead the file of an AppSecret, which may hang for ever.
	ToRead
	// ToFile is to look after a file that readers read, which may hang as well.
	ToFile
)

// Spawner runs an action elsewhere when its turn comes.
type Spawner func(what Errand, action func(context.Context))

// startAll starts what the last look calls for. Called with mu held.
func (k *Keeper) startAll(spawn Spawner) {
	k.start(&k.acting, k.toAct, spawn, k.act)
	k.start(&k.asking, k.toAsk, spawn, k.question)
	k.start(&k.reading, k.toRead, spawn, k.readSecret)
	k.start(&k.mirroring, k.toMirror, spawn, k.mirror)
	k.start(&k.filing, k.toFile, spawn, k.assertFiles)
}

// toAct is what the next action needs, 0 if there is nothing to do. Called with
// mu held.
func (k *Keeper) toAct() Errand {
	switch action := k.seen.decision.action; {
	case k.own != nil && k.own.answered():
		return ToWrite
	case k.leaving:
		return 0
	case k.own != nil, action == mint:
		return ToDraw
	case action != nothing:
		return ToWrite
	}
	return 0
}

// toAsk is what the next question needs: it comes after an action, which changes
// what it is about. Called with mu held.
func (k *Keeper) toAsk() Errand {
	switch d := k.seen.decision; {
	case k.leaving, k.own != nil, d.action != nothing:
		return 0
	case d.ask:
		return ToAsk
	case d.drop:
		return ToWrite
	}
	return 0
}

// toRead is what noticing a changed AppSecret needs: that ends the wait after a
// failure that the old one caused. Called with mu held.
func (k *Keeper) toRead() Errand {
	if last := k.seen.State.LastError; !k.leaving && last != nil && secretToBlame(credential.Class(last.Class)) {
		return ToRead
	}
	return 0
}

// toMirror is what writing to targets needs. Called with mu held.
func (k *Keeper) toMirror() Errand {
	for _, t := range k.targets.keys {
		if t.wrong && !k.leaving {
			return ToWrite
		}
	}
	return 0
}

// start spawns what has its turn, unless the last one still runs. A question
// that WeChat leaves unanswered must not keep readers waiting for an action, so
// the two take turns of their own. What do changed may call for more at once.
// Called with mu held.
func (k *Keeper) start(turn *bool, need func() Errand, spawn Spawner, do func(context.Context, Errand) (more bool)) {
	// What runs now may be changing what is needed next.
	if *turn {
		return
	}
	what := need()
	if what == 0 {
		return
	}
	*turn = true
	spawn(what, func(ctx context.Context) {
		more := false
		defer func() {
			k.mu.Lock()
			*turn = false
			if more {
				k.startAll(spawn)
			}
			leaving := k.leaving
			k.mu.Unlock()
			if leaving {
				// The look that a commit asks for may have come before this turn was over.
				k.lookSoon()
			}
		}()
		more = do(ctx, what)
	})
}
