package daemon

import (
	"fmt"
	"net/http"
	"time"

	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// leaked is how many forced refreshes it takes until WeChat refuses a leaked
// token: one leaves it alive for the overlap, the second ends that.
const leaked = 2

// What becomes of a wish, beside what Redis answers.
const (
	limited store.Status = "limited" // too many this hour, or too soon
	stale   store.Status = "stale"   // about a token that is not the current one, or that is known to be refused
)

// wish brings a report or a request to Redis, and says what becomes of it.
func (d *Daemon) wish(req *http.Request, r *refresher, wish refreshWish) (status store.Status, message string, err error) {
	seen := r.store.Observe(req.Context(), []store.Credential{r.slot})[0]
	if seen.Err != nil {
		return "", "", seen.Err
	}
	v := look{Observation: seen.Observation}
	if wish.Fingerprint != "" {
		status, message = r.ofReport(v, wish.Fingerprint)
		if status == store.Accepted {
			err = r.store.Report(req.Context(), r.slot, v.State.Token)
		}
		if err == nil && status != store.Accepted {
			r.metrics.Report(r.config.Key, metrics.Report(status))
		}
		return status, message, err
	}
	d.log.Info("a refresh was asked for", "key", r.config.Key, "force", wish.Force)
	if status, message = r.ofRequest(v, wish.Force); status != store.Accepted {
		return status, message, nil
	}
	force := 0
	if wish.Force {
		force = leaked
	}
	if status, err = r.store.Request(req.Context(), r.slot, force); status != store.Accepted {
		message = notOurs
	}
	return status, message, err
}

const notOurs = "not taken: another account or a newer version of wxtokend keeps this key; " +
	"give each account a key of its own, or ask the newer version"

// ofRequest decides on a person's wish: the answer names the reason, and what
// to do next.
func (r *refresher) ofRequest(v look, force bool) (store.Status, string) {
	switch {
	case v.newer() || v.Other.AppID != "":
		return store.Changed, notOurs
	case !store.HasRoom(v.State.RequestsAt, v.Now, store.RequestsEvery):
		return limited, "not taken: a dozen refreshes were asked for within an hour; find out who asks, and try again in some minutes"
	case force && v.State.NoForceUntil.After(v.Now):
		return limited, "not taken: WeChat forces no more refreshes today; try again after 00:00 UTC+8"
	case force:
		return store.Accepted, fmt.Sprintf("accepted: the token is replaced twice, %v apart, after which WeChat refuses it; "+
			"see wxtokend status", forceSpacing) + r.byOthers()
	}
	once := ""
	if r.policy.replaces {
		once = " and a good token is replaced, at most once in five minutes"
	}
	return store.Accepted, "accepted: waits are over, but for a daily limit and a call of unknown outcome" + once +
		"; see wxtokend status" + r.byOthers()
}

// ofReport decides on a reader's report of a token that was refused.
func (r *refresher) ofReport(v look, fingerprint string) (store.Status, string) {
	const again = "read the key again in some seconds"
	switch {
	case fingerprint != v.State.Token.Fingerprint() || v.newer():
		return stale, "nothing to verify: this is not the current token of the key; read the key again, and use what it holds"
	case !v.State.Live(v.Now):
		return stale, "nothing to verify: this token is known to be refused or expired, and due to be replaced; " + again + r.byOthers()
	case v.blind():
		return limited, fmt.Sprintf("not taken: WeChat's quota for such questions is used up, it is asked in %v; "+
			"wxtokend refresh --force replaces the token now", v.State.NoAnswerUntil.Sub(v.Now).Round(time.Second))
	case !store.HasRoom(v.State.QuestionsAt, v.Now, store.QuestionsEvery):
		return limited, "not taken: WeChat was asked two dozen times within an hour, and is asked again in its turn; " +
			"read the key again, and find out who reports so often"
	case v.Now.Sub(v.State.VerifiedAt) < r.policy.verifyEvery/10:
		return limited, "not taken: WeChat was asked about this token a moment ago; " + again
	}
	return store.Accepted, "accepted: WeChat is asked about this token, and it is replaced if refused twice; " + again + r.byOthers()
}

// byOthers warns that an accepted wish may move nobody.
func (r *refresher) byOthers() string {
	if r.policy.mint {
		return ""
	}
	return "; this replica has mint: false, so another one has to do it"
}
