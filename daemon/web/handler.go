package web

import (
	"encoding/json"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewHandler answers GET and HEAD of /healthz, /readyz, /readyz/KEY, /metrics,
// /status and /. Other methods get 405 with Allow, other paths 404. live is nil,
// or why a restart is in order; it must wait for nothing.
func NewHandler(src Source, live func() error, gatherer prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { probe(w, dead(live)) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { probe(w, unready(src)) })
	mux.HandleFunc("GET /readyz/{key...}", func(w http.ResponseWriter, r *http.Request) {
		probeKey(w, src, r.PathValue("key"))
	})
	// One collector that fails must not take the others' series along.
	options := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, options))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) { serveStatus(w, r, src) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r, src, live) })
	return secured(mux, policy())
}

// secured sets the headers that every answer carries, 404 and 405 included.
func secured(next http.Handler, policy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // a cached "ok" is a lie a second later
		next.ServeHTTP(w, r)
	})
}

func serveStatus(w http.ResponseWriter, r *http.Request, src Source) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(newStatus(src, q))
	if err != nil { // a number that JSON does not have, such as NaN
		http.Error(w, "encode status: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

// newStatus computes only what q shows.
func newStatus(src Source, q query) Status {
	about := src.Overview()
	s := Status{Version: about.Version, Instance: about.Instance, Time: about.Time}
	chosen, total := q.choose(src.Credentials())
	for _, e := range chosen {
		s.Credentials = append(s.Credentials, e.Credential())
	}
	s.Total, s.Next = total, q.next(total)
	return s
}
