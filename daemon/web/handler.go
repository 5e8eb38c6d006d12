package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewHandler answers GET and HEAD of /healthz, /readyz, /readyz/KEY, /metrics,
// /status and /. Other methods get 405 with Allow, other paths 404. live is nil,
// or why a restart is in order; it must wait for nothing.
func NewHandler(src Source, live func() error, gatherer prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	probes(mux, src, live)
	// One collector that fails must not take the others' series along.
	options := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, options))
	mux.HandleFunc("GET /status", list("application/json", func(w io.Writer, q query) {
		_ = json.NewEncoder(w).Encode(newStatus(src, q))
	}))
	mux.HandleFunc("GET /{$}", list("text/html; charset=utf-8", func(w io.Writer, q query) {
		_ = page(newView(src, dead(live), q)).Render(context.Background(), w)
	}))
	return secured(mux)
}

// list answers with what write makes of the query. Only a client that went away
// makes write fail.
func list(contentType string, write func(io.Writer, query)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", contentType)
		write(w, q)
	}
}

// NewProbes answers /healthz, /readyz and /readyz/KEY alone, as NewHandler does.
func NewProbes(src Source, live func() error) http.Handler {
	mux := http.NewServeMux()
	probes(mux, src, live)
	return secured(mux)
}

func probes(mux *http.ServeMux, src Source, live func() error) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { probe(w, dead(live)) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { probe(w, Unready(src.Credentials())) })
	mux.HandleFunc("GET /readyz/{key...}", func(w http.ResponseWriter, r *http.Request) { probeKey(w, r, src) })
}

// secured sets the headers that every answer carries, 404 and 405 included. The
// policy forbids every script, which the page does not have: whatever a key or
// an errmsg holds, nothing of it runs.
func secured(next http.Handler) http.Handler {
	hash := sha256.Sum256([]byte(pageCSS))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(hash[:]))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		// A cached "ok" is a lie a second later.
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
