package daemon

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

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
	r := d.find(req.PathValue("key"))
	if r == nil {
		return http.StatusNotFound, map[string]string{"error": "no credential has this key"}
	}
	var wish refreshWish
	decoder := json.NewDecoder(io.LimitReader(req.Body, 4<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wish); err != nil && !errors.Is(err, io.EOF) {
		return http.StatusBadRequest, map[string]string{"error": `the body must be {"token":"…"}, {"fingerprint":"…"}, {"force":true} or empty`}
	}
	if wish.Token != "" {
		wish.Fingerprint = secret.Token(wish.Token).Fingerprint()
	}
	status, err := d.wish(req, r, wish)
	if err != nil {
		d.log.Warn("could not take a refresh request", "key", r.config.Key, "error", err)
		return http.StatusServiceUnavailable, map[string]string{"error": "Redis does not take the request; try again"}
	}
	d.lookAgain()
	code := map[store.Status]int{
		store.Accepted: http.StatusAccepted, store.Limited: http.StatusTooManyRequests, store.Changed: http.StatusConflict,
	}[status]
	if code == 0 {
		code = http.StatusOK
	}
	return code, map[string]string{"result": string(status)}
}

// wish brings a report or a request to Redis.
func (d *Daemon) wish(req *http.Request, r *refresher, wish refreshWish) (store.Status, error) {
	if wish.Fingerprint == "" {
		force := 0
		if wish.Force {
			force = leaked
		}
		d.log.Info("a refresh was asked for", "key", r.config.Key, "force", wish.Force)
		return r.store.Request(req.Context(), r.slot, force)
	}
	seen := r.store.Observe(req.Context(), []store.Credential{r.slot})[0]
	if seen.Err != nil {
		return "", seen.Err
	}
	o := seen.Observation
	stale := wish.Fingerprint != o.State.Token.Fingerprint() || !o.State.Live(o.Now)
	status, err := r.store.Report(req.Context(), r.slot, o, "", stale)
	if err == nil {
		r.metrics.Report(r.config.Key, metrics.Report(status))
	}
	return status, err
}

func (d *Daemon) find(key string) *refresher {
	for _, r := range d.refreshers {
		if r.config.Key == key {
			return r
		}
	}
	return nil
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
