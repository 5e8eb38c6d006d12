package web

import (
	"fmt"
	"net/http"
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
		_, _ = w.Write([]byte(probeOK + "\n")) // an error means that the client went away
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(strings.Join(reasons, "\n") + "\n"))
}

func dead(live func() error) (reasons []string) {
	if err := live(); err != nil {
		return []string{printable(err.Error(), textLimit)}
	}
	return nil
}

// unready says why readers cannot rely on their keys: of how many, and the
// reasons of the first ones. Whose keys are all right learns it from nothing.
func unready(src Source) (reasons []string) {
	total, count := 0, 0
	for e := range src.Credentials() {
		total++
		if e.Brief().Ready {
			continue
		}
		count++
		if count <= namedUnready {
			reasons = append(reasons, reason(e.Credential()))
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

// reason is why c is not ready. It may have become so since it was counted.
func reason(c Credential) string {
	if c.Unready == "" {
		return printable(c.Key, nameLimit) + ": ready again"
	}
	return printable(c.Key, nameLimit) + ": " + printable(c.Unready, textLimit)
}

// probeKey answers for one credential.
func probeKey(w http.ResponseWriter, src Source, key string) {
	e, found := src.Credential(key)
	if !found {
		problem := "no credential has the key " + printable(key, nameLimit) + "; /status lists those that have one"
		http.Error(w, problem, http.StatusNotFound)
		return
	}
	var reasons []string
	if c := e.Credential(); c.Unready != "" {
		reasons = []string{reason(c)}
	}
	probe(w, reasons)
}
