package web

import (
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
)

// probeOK is the body of a probe that found nothing wrong.
const probeOK = "ok"

// namedUnready is how many credentials /readyz names, of all that are not ready.
const namedUnready = 10

// probe answers probeOK, or 503 and one reason a line.
func probe(w http.ResponseWriter, reasons []string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if len(reasons) == 0 {
		reasons = []string{probeOK}
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// An error means that the client went away.
	_, _ = fmt.Fprintln(w, strings.Join(reasons, "\n"))
}

func dead(live func() error) (reasons []string) {
	if err := live(); err != nil {
		reasons = []string{printable(err.Error(), textLimit)}
	}
	return reasons
}

// Unready says why readers cannot rely on the keys of all: of how many, and the
// reasons of the first ones.
func Unready(all iter.Seq[Entry]) (reasons []string) {
	total, count := 0, 0
	for e := range all {
		total++
		if e.Brief().Ready {
			continue
		}
		count++
		if count <= namedUnready {
			c := e.Credential()
			reasons = append(reasons, printable(c.Key, nameLimit)+": "+printable(c.Unready, textLimit))
		}
	}
	if total > 1 && count > 0 {
		reasons = append([]string{howMany(count, total)}, reasons...)
	}
	if more := count - namedUnready; more > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more: see /status", more))
	}
	return reasons
}

func howMany(unready, total int) string {
	return fmt.Sprintf("%d of %d credentials are not ready", unready, total)
}

// probeKey answers for one credential.
func probeKey(w http.ResponseWriter, r *http.Request, src Source) {
	key := r.PathValue("key")
	e, found := src.Credential(key)
	if !found {
		problem := "no credential has the key " + printable(key, nameLimit) + "; /status lists those that have one"
		http.Error(w, problem, http.StatusNotFound)
		return
	}
	probe(w, Unready(slices.Values([]Entry{e})))
}
