package daemon

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"wxtokend/daemon/config"
	"wxtokend/daemon/keeper"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// refreshHandler serves POST /refresh/KEY: a reader reports a token that
// WeChat refused, or a person wants a refresh now. It answers as soon as the
// wish lies in Redis; whichever replica is next carries it out.
func (d *Daemon) refreshHandler(w http.ResponseWriter, req *http.Request) {
	status, answer := d.refresh(req)
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// maxWish bounds the body, in bytes: a token has some hundred.
const maxWish = 4 << 10

func (d *Daemon) refresh(req *http.Request) (int, map[string]string) {
	if code, problem := authorised(req, d.options.Config.HTTP); problem != "" {
		return code, map[string]string{"error": problem}
	}
	r := d.registry.find(req.PathValue("key"))
	if r == nil {
		const problem = "no credential has this key; /status lists those that have one"
		return http.StatusNotFound, map[string]string{"error": problem}
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxWish+1))
	if err != nil || len(body) > maxWish {
		return http.StatusBadRequest, map[string]string{"error": "the body is cut off or longer than 4 KiB"}
	}
	if req.URL.RawQuery != "" {
		const problem = "what is wanted stands in the body, not behind a question mark"
		return http.StatusBadRequest, map[string]string{"error": problem}
	}
	wish, problem := parseWish(body)
	if problem != "" {
		return http.StatusBadRequest, map[string]string{"error": problem}
	}
	status, message, err := r.Wish(req.Context(), wish)
	if err != nil {
		d.options.Log.Warn("could not take a refresh request", "key", r.key(), "error", err)
		return http.StatusServiceUnavailable, map[string]string{"error": "Redis does not take the request; try again"}
	}
	d.lookSoon(r)
	code := map[store.Status]int{
		store.Accepted: http.StatusAccepted, keeper.Limited: http.StatusTooManyRequests, store.Changed: http.StatusConflict,
	}[status]
	if code == 0 {
		code = http.StatusOK
	}
	return code, map[string]string{"result": string(status), "message": r.key() + ": " + message}
}

// parseWish takes the body at its word: a reader whose variable is empty must
// not pass for a person who wants a new token, so only no body at all is that.
func parseWish(body []byte) (wish keeper.Wish, problem string) {
	if len(body) == 0 {
		return wish, ""
	}
	const want = `the body must be empty (try a refresh now), or exactly one of {"token":"…"}, {"fingerprint":"…"} ` +
		`(report a refused token) and {"force":true} (replace a leaked token)`
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) != 1 {
		return wish, want
	}
	for name, value := range fields {
		text, _ := value.(string)
		switch {
		case name == "force" && value == true:
			return keeper.Wish{Force: true}, ""
		case name == "token" && text != "":
			return keeper.Wish{Fingerprint: secret.Token(text).Fingerprint()}, ""
		case name == "fingerprint" && text != "":
			return parseFingerprint(text)
		}
	}
	return wish, want
}

// parseFingerprint leaves a fingerprint as it is compared. One that cannot be
// right is a mistake of the caller, and would pass for an old token.
func parseFingerprint(text string) (wish keeper.Wish, problem string) {
	// As logs print it.
	text = strings.TrimPrefix(strings.ToLower(text), "token:")
	if len(text) != 8 || strings.Trim(text, "0123456789abcdef") != "" {
		return wish, "a fingerprint is the first 8 hex digits of the token's SHA-256, " +
			"as logs and /status show it: send those, or the token"
	}
	return keeper.Wish{Fingerprint: text}, ""
}

// authorised checks the bearer token; problem is "" if it is right. Hashes are
// compared, so that not even the length shows in the time it takes.
func authorised(req *http.Request, c config.HTTP) (code int, problem string) {
	if c.TokenFile == "" {
		return http.StatusForbidden, "switched off: set http.token_file"
	}
	want, err := c.ReadToken(req.Context())
	if err != nil {
		return http.StatusServiceUnavailable, "http.token_file cannot be read"
	}
	// The scheme may be written in any case, with any number of spaces behind it.
	scheme, got, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimLeft(got, " "))), sha256.Sum256([]byte(want.Reveal()))
	if !strings.EqualFold(scheme, "bearer") || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return http.StatusUnauthorized, "the bearer token of http.token_file is needed"
	}
	return 0, ""
}
