package tokenapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxtokend/metrics"
)

const (
	// maxWait is how long a request with ?after= waits, below what proxies wait for.
	maxWait = 25 * time.Second
	// maxWaiting is how many wait at a time, so that the connections of all others have room.
	maxWaiting = 64
	// lookEvery is between two looks at the memory of the daemon, which itself
	// learns of a token once in a poll.
	lookEvery = 100 * time.Millisecond
	// margin is by how much a copy is thrown away before the token may end.
	margin = 30 * time.Second
)

// keyAnswer is the body of GET /token/KEY: a token, or a ticket.
type keyAnswer struct {
	AccessToken string `json:"access_token,omitempty"`
	Ticket      string `json:"ticket,omitempty"`
	ExpiresIn   int    `json:"expires_in"`
	Fingerprint string `json:"fingerprint"`
}

// named is the credential whose key the path names, for the consumer whose secret the header
// shows; refused says why there is none.
func (a *API) named(q *request) (c Credential, refused metrics.APIResult) {
	if refused = a.admit(q, bearer(q.Request)); refused != "" {
		return c, refused
	}
	c, may := q.by.byKey[q.PathValue("key")]
	if !may {
		return c, metrics.APIForbidden
	}
	return c, ""
}

// byKey serves GET /token/KEY.
func (a *API) byKey(q *request) answer {
	c, refused := a.named(q)
	if refused != "" {
		return denied(refused)
	}
	w, problem := wishOf(q)
	if problem != "" {
		return plain(metrics.APIBadRequest, http.StatusBadRequest, codeParameter, problem)
	}
	t, left, good := a.look(c, w)
	if w.after != "" && !good {
		var waits bool
		if t, left, waits = a.wait(q, c, w); !waits {
			return plain(metrics.APIUnavailable, http.StatusServiceUnavailable, codeBusy,
				"too many requests wait for a token, or the daemon stops or has a new configuration: ask again")
		}
	}
	switch {
	case left <= 0 || left < w.least:
		return plain(metrics.APIUnavailable, http.StatusServiceUnavailable, codeBusy, noToken)
	case t.Value.Is(w.after) || matches(q.Header.Values("If-None-Match"), t.Value.Fingerprint()):
		return answer{result: metrics.APINotModified, status: http.StatusNotModified,
			etag: t.Value.Fingerprint(), maxAge: wholeSeconds(left - margin)}
	}
	body := keyAnswer{ExpiresIn: wholeSeconds(left), Fingerprint: t.Value.Fingerprint()}
	if t.isTicket() {
		body.Ticket = t.Value.Reveal()
	} else {
		body.AccessToken = t.Value.Reveal()
	}
	return answer{result: metrics.APIOK, body: body, etag: body.Fingerprint, maxAge: wholeSeconds(left - margin)}
}

// wish is what the query asks for.
type wish struct {
	// least is how much life the token must have.
	least time.Duration
	// after is the fingerprint of the one that the client has, "" if it does not wait.
	after string
}

func wishOf(q *request) (w wish, problem string) {
	query, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil {
		// What cannot be read could be the life that the reader needs.
		return w, "the query cannot be read: write & between its parameters, and escape what stands in them"
	}
	if text := query.Get("min"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return w, "min must be a duration with a unit, such as 30s or 10m"
		}
		w.least = d
	}
	w.after = strings.ToLower(query.Get("after"))
	if w.after != "" && (len(w.after) != 8 || strings.Trim(w.after, "0123456789abcdef") != "") {
		return w, "after must be a fingerprint: the first 8 hex digits of the token's SHA-256, as ETag has them"
	}
	return w, ""
}

// look finds the token and what is left of it, 0 if there is none, and says
// whether it is what w asks for.
func (a *API) look(c Credential, w wish) (t Token, left time.Duration, good bool) {
	t, left, found := a.find(c)
	return t, left, found && left >= w.least && !t.Value.Is(w.after)
}

// wait looks until there is what w asks for, or the time is over: the token is
// that of the last look. It is false for who may not wait, or not any more.
func (a *API) wait(q *request, c Credential, w wish) (t Token, left time.Duration, waits bool) {
	select {
	case a.waiting <- struct{}{}:
		defer func() { <-a.waiting }()
	default:
		return t, 0, false
	}
	clock, over := time.NewTicker(lookEvery), time.After(maxWait)
	defer clock.Stop()
	for {
		var good bool
		if t, left, good = a.look(c, w); good {
			return t, left, true
		}
		select {
		case <-clock.C:
		case <-over:
			return t, left, true
		case <-q.Context().Done():
			return t, 0, false
		case <-a.stopped:
			return t, 0, false
		}
		if a.consumers.Load() != q.set {
			return t, 0, false
		}
	}
}

// matches says whether If-None-Match names the fingerprint.
func matches(header []string, fingerprint string) bool {
	tags := strings.Split(strings.Join(header, ","), ",")
	return slices.ContainsFunc(tags, func(tag string) bool {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		return tag == "*" || tag == `"`+fingerprint+`"`
	})
}
