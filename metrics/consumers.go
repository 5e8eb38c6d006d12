package metrics

import "github.com/prometheus/client_golang/prometheus"

// Consumers names those of the token API, in place of those before: the series
// of a new one begin at 0, and those of one that has gone end. Without any
// there are no series at all.
func (m *Metrics) Consumers(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.consumers
	m.consumers = map[string]bool{}
	if len(names) > 0 {
		names = append([]string{""}, names...)
	}
	for _, name := range names {
		m.consumers[name] = true
		for _, result := range apiResults() {
			m.api.WithLabelValues(name, string(result))
		}
	}
	for name := range before {
		if !m.consumers[name] {
			m.api.DeletePartialMatch(prometheus.Labels{"consumer": name})
		}
	}
}

// APIRequest counts one request to the token API; "" is who was not recognised.
// One of a consumer who has gone meanwhile is not counted.
func (m *Metrics) APIRequest(consumer string, result APIResult) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.consumers[consumer] {
		m.api.WithLabelValues(consumer, string(result)).Inc()
	}
}
