package daemon

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
	"wxtokend/metrics"
)

// refreshHandler serves POST /refresh/KEY: a reader reports a token that
// WeChat refused, or a person wants a refresh now. It answers as soon as the
// wish lies in Redis; whichever replica is next carries it out.
func (d *Daemon) refreshHandler(w http.ResponseWriter, req *http.Request) {
	status, answer := d.refresh(req)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// refreshWish is the body of POST /refresh/KEY. A report names the refused
// token or its fingerprint; without either it is a person's wish.
type refreshWish struct {
	Token       string `json:"token"`
	Fingerprint string `json:"fingerprint"` // first 8 hex digits of the token's SHA-256
	Force       bool   `json:"force"`       // replace the token even if it is fresh: it leaked
}

// leaked is how many forced refreshes it takes until WeChat refuses a leaked
// token: one leaves it alive for the overlap, the second ends that.
const leaked = 2

func (d *Daemon) refresh(req *http.Request) (int, map[string]string) {
	if code, problem := authorised(req, d.config.HTTP); problem != "" {
		return code, map[string]string{"error": problem}
	}
	r := d.registry.find(req.PathValue("key"))
	if r == nil {
		return http.StatusNotFound, map[string]string{"error": "no credential has this key; /status lists those that have one"}
	}
	var wish refreshWish
	decoder := json.NewDecoder(io.LimitReader(req.Body, 4<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wish); err != nil && !errors.Is(err, io.EOF) {
		return http.StatusBadRequest, map[string]string{"error": `the body must be {"token":"…"}, {"fingerprint":"…"}, {"force":true} or empty`}
	}
	if problem := wish.settle(); problem != "" {
		return http.StatusBadRequest, map[string]string{"error": problem}
	}
	status, message, err := d.wish(req, r.refresher, wish)
	if err != nil {
		d.log.Warn("could not take a refresh request", "key", r.config.Key, "error", err)
		return http.StatusServiceUnavailable, map[string]string{"error": "Redis does not take the request; try again"}
	}
	d.lookAgain(r)
	code := map[store.Status]int{
		store.Accepted: http.StatusAccepted, store.Limited: http.StatusTooManyRequests, store.Changed: http.StatusConflict,
	}[status]
	if code == 0 {
		code = http.StatusOK
	}
	return code, map[string]string{"result": string(status), "message": r.config.Key + ": " + message}
}

// settle leaves a report with a fingerprint alone, as it is compared. One that
// cannot be right is a mistake of the caller, and would pass for an old token.
func (w *refreshWish) settle() (problem string) {
	if w.Force && w.Token+w.Fingerprint != "" {
		return "force and a report exclude each other: WeChat decides about a report; send force alone if the token leaked"
	}
	if w.Token != "" {
		w.Fingerprint = secret.Token(w.Token).Fingerprint()
	}
	if w.Fingerprint == "" {
		return ""
	}
	w.Fingerprint = strings.TrimPrefix(strings.ToLower(w.Fingerprint), "token:") // as logs print it
	if len(w.Fingerprint) != 8 || strings.Trim(w.Fingerprint, "0123456789abcdef") != "" {
		return "a fingerprint is the first 8 hex digits of the token's SHA-256, as logs and /status show it: send those, or the token"
	}
	return ""
}

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

// authorised checks the bearer token; problem is "" if it is right. Hashes are
// compared, so that not even the length shows in the time it takes.
func authorised(req *http.Request, c config.HTTP) (code int, problem string) {
	if c.TokenFile == "" {
		return http.StatusForbidden, "switched off: set http.token_file"
	}
	want, err := c.ReadToken()
	if err != nil {
		return http.StatusServiceUnavailable, "http.token_file cannot be read"
	}
	got, found := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want.Reveal()))
	if !found || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return http.StatusUnauthorized, "the bearer token of http.token_file is needed"
	}
	return 0, ""
}
