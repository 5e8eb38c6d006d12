// Package tokenapi hands out tokens over HTTP to apps that cannot read Redis:
// by the key, on the paths of WeChat and WeCom so that an app changes its base
// URL alone, and as the handler of 2016 did. It also signs what wx.config asks
// for. Nothing is served unless consumers are configured, and then only to one
// that shows its secret, or, for a ticket, the token that the ticket comes from.
//
// It knows no keeper and no Redis: what it serves is what Tokens has in memory.
// It logs no secret and no token, and no part of a URL, as WeChat's own paths
// carry both there.
package tokenapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wxtokend/metrics"
)

// maxBody bounds what is read of a request, in bytes.
const maxBody = 8 << 10

// Options are what an API works with.
type Options struct {
	Tokens Tokens
	Log    *slog.Logger
	// Count is told of each request; the consumer is "" where none was recognised.
	Count func(consumer string, result metrics.APIResult)
}

// API answers requests for tokens; without consumers it answers none.
type API struct {
	options Options
	// Nil while there are none.
	consumers atomic.Pointer[consumers]
	guesses   *limiter
	parents   *parents
	// Holds one for each request that waits.
	waiting chan struct{}
	stopped chan struct{}
	stop    func()
	// The keys whose token is being reported.
	reporting sync.Map
}

// New returns an API without consumers.
func New(o Options) *API {
	stopped := make(chan struct{})
	return &API{
		options: o, guesses: newLimiter(), parents: newParents(), waiting: make(chan struct{}, maxWaiting),
		stopped: stopped, stop: sync.OnceFunc(func() { close(stopped) }),
	}
}

// Use makes these the consumers, for every request that comes from now on; none
// switches the API off. Whoever waits for a token has to ask again.
func (a *API) Use(all []Consumer) {
	if len(all) == 0 {
		a.consumers.Store(nil)
		return
	}
	set := newConsumers(all)
	a.parents.keep(set)
	a.consumers.Store(set)
}

// Stop answers all who wait, now and from now on. The other requests are answered as before.
func (a *API) Stop() { a.stop() }

// Handler answers the paths of the API, and leaves all others, or without
// consumers every one, to next.
func (a *API) Handler(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	for path, answer := range map[string]func(*request) answer{
		"/token/{key...}":           by(http.MethodGet, a.byKey),
		"/jssdk/{key...}":           by(http.MethodPost, a.sign),
		"/cgi-bin/token":            by(http.MethodGet, a.token),
		"/cgi-bin/stable_token":     by(http.MethodPost, a.stableToken),
		"/cgi-bin/ticket/getticket": by(http.MethodGet, a.ticket),
		"/cgi-bin/gettoken":         by(http.MethodGet, a.corpToken),
		"/cgi-bin/get_jsapi_ticket": by(http.MethodGet, a.corpTicket),
		"/cgi-bin/ticket/get":       by(http.MethodGet, a.agentTicket),
		"/WeChatService.ashx":       a.service2016,
		"/wechatservice.ashx":       a.service2016,
	} {
		mux.Handle(path, a.route(answer))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.consumers.Load() == nil {
			next.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// request is one request, with those who may ask as of its begin.
type request struct {
	*http.Request
	set *consumers
	// Who asks, nil while nobody is recognised.
	by *consumer
}

// answer is what a request gets.
type answer struct {
	result metrics.APIResult
	// HTTP's; 0 is 200.
	status int
	// It is encoded as JSON; nil is none.
	body any
	// Empty means application/json.
	contentType string
	// The fingerprint of what is in the body, and for how many seconds a client may
	// keep it; "": nothing may be kept.
	etag   string
	maxAge int
	// The method that the path wants, with http.StatusMethodNotAllowed.
	allow string
}

func (a *API) route(to func(*request) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := a.consumers.Load()
		if set == nil {
			http.NotFound(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		q := &request{Request: r, set: set}
		got := to(q)
		name := ""
		if q.by != nil {
			name = q.by.Name
		}
		a.options.Count(name, got.result)
		got.write(w)
	})
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if a.etag != "" {
		h.Set("ETag", `"`+a.etag+`"`)
		h.Set("Cache-Control", "private, max-age="+strconv.Itoa(a.maxAge))
		// One consumer's answer is not another's.
		h.Set("Vary", "Authorization")
	}
	switch a.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", a.allow)
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	h.Set("Content-Type", cmp.Or(a.contentType, "application/json"))
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	// A token is sent as it is, whatever characters it has.
	encoder.SetEscapeHTML(false)
	// What is encoded are texts and numbers: it cannot fail.
	_ = encoder.Encode(a.body)
	w.WriteHeader(cmp.Or(a.status, http.StatusOK))
	// An error means that the client went away.
	_, _ = w.Write(bytes.TrimRight(text.Bytes(), "\n"))
}

// wholeSeconds never rounds up: a token must not seem to live longer.
func wholeSeconds(d time.Duration) int { return int(max(0, d) / time.Second) }
