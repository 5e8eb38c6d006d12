package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewHandler answers GET and HEAD of /healthz, /readyz, /metrics, /status and
// /. Other methods get 405 with Allow, other paths 404.
func NewHandler(src Source, gatherer prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		var reasons []string
		if err := src.Live(); err != nil {
			reasons = []string{err.Error()}
		}
		probe(w, reasons)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		probe(w, src.Ready())
	})
	// One collector that fails must not take the others' series along.
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { serveStatus(w, src.Status()) })
	page := newPage()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { page.serve(w, src) })
	return secured(mux, page.policy)
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

// probeOK is the body of a probe that found nothing wrong.
const probeOK = "ok"

// probe answers probeOK, or 503 and one reason a line.
func probe(w http.ResponseWriter, reasons []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(reasons) == 0 {
		_, _ = w.Write([]byte(probeOK + "\n")) // an error means that the client went away
		return
	}
	var body strings.Builder
	for _, reason := range reasons {
		body.WriteString(oneLine(reason) + "\n")
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(body.String()))
}

func serveStatus(w http.ResponseWriter, s Status) {
	body, err := json.Marshal(s)
	if err != nil { // a number that JSON does not have, such as NaN
		http.Error(w, "encode status: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}
