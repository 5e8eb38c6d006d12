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

// wish brings a report or a request to Redis, and says what becomes of it.
func (d *Daemon) wish(req *http.Request, r *refresher, wish refreshWish) (status store.Status, message string, err error) {
	if wish.Fingerprint == "" {
		force := 0
		if wish.Force {
			force = leaked
		}
		d.log.Info("a refresh was asked for", "key", r.config.Key, "force", wish.Force)
		status, err = r.store.Request(req.Context(), r.slot, force)
		return status, r.ofRequest(status, wish.Force), err
	}
	seen := r.store.Observe(req.Context(), []store.Credential{r.slot})[0]
	if seen.Err != nil {
		return "", "", seen.Err
	}
	o := seen.Observation
	current := wish.Fingerprint == o.State.Token.Fingerprint()
	dead := current && !o.State.Live(o.Now)
	status, err = r.store.Report(req.Context(), r.slot, o, "", !current || dead)
	if err == nil {
		r.metrics.Report(r.config.Key, metrics.Report(status))
	}
	return status, r.ofReport(status, dead), err
}

// ofRequest is the answer to a person's wish: the reason, and what to do next.
func (r *refresher) ofRequest(status store.Status, force bool) string {
	switch {
	case status == store.Accepted && force:
		return fmt.Sprintf("accepted: the token is replaced twice, %v apart, after which WeChat refuses it; see wxtokend status", store.ForceSpacing) + r.byOthers()
	case status == store.Accepted:
		once := ""
		if !r.policy.stable {
			once = " and a good token is replaced, at most once in five minutes"
		}
		return "accepted: waits are over, but for a daily limit and a call of unknown outcome" + once + "; see wxtokend status" + r.byOthers()
	case status == store.Limited && force && r.policy.stable:
		return fmt.Sprintf("not taken: a dozen refreshes were asked for this hour, or %d were forced today; "+
			"try again in the next hour, or else after 00:00 UTC+8", store.ForceLimit)
	case status == store.Limited:
		return "not taken: a dozen refreshes were asked for this hour; find out who asks, and try again in the next one"
	case status == store.Changed:
		return "not taken: another account or a newer version of wxtokend keeps this key; give each account a key of its own, or ask the newer version"
	}
	return string(status)
}

// ofReport is the answer to a reader whose token was refused; dead says that
// this was known of the current token.
func (r *refresher) ofReport(status store.Status, dead bool) string {
	r.mu.Lock()
	blind := time.Until(r.blind)
	r.mu.Unlock()
	switch {
	case status == store.Accepted && blind > 0:
		return fmt.Sprintf("accepted, but WeChat's quota for such questions is used up: it is asked in %v; wxtokend refresh --force replaces the token now", blind.Round(time.Second))
	case status == store.Accepted:
		return "accepted: WeChat is asked about this token, and it is replaced if refused twice; read the key again in some seconds" + r.byOthers()
	case status == store.Stale && dead:
		return "nothing to verify: this token is known to be refused or expired, and due to be replaced; read the key again in some seconds" + r.byOthers()
	case status == store.Stale:
		return "nothing to verify: this is not the current token of the key; read the key again, and use what it holds"
	case status == store.Limited:
		return "not taken: WeChat was asked about this token a moment ago, or a dozen reports came this hour; read the key again, and find out who reports so often"
	}
	return string(status)
}

// byOthers warns that an accepted wish may move nobody.
func (r *refresher) byOthers() string {
	if r.policy.mint {
		return ""
	}
	return "; this replica has mint: false, so another one has to do it"
}

func (d *Daemon) find(key string) *refresher {
	for _, r := range d.refreshers {
		if r.config.Key == key {
			return r
		}
	}
	return nil
}
