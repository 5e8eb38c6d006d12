package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hurry is how much faster the rules run here than in production.
const hurry = 20

// prom is a real one that scrapes daemons and evaluates the rules of
// deploy/prometheus, with each of their times divided by hurry.
type prom struct {
	*process
	t       testing.TB
	url     string
	file    string // of the targets; Prometheus notices when it changes
	targets []target
}

// target is one daemon, as service discovery tells of it.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// startPrometheus skips loudly where none is installed; .ci/run installs it.
func startPrometheus(t testing.TB) *prom {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("SKIPPED, NOT PASSED: prometheus is not installed (Debian: apt-get install prometheus)")
	}
	dir := t.TempDir()
	p := &prom{t: t, file: filepath.Join(dir, "targets.json")}
	p.writeTargets()
	writeFile(t, filepath.Join(dir, "rules.yaml"), hurried(t, "../../deploy/prometheus/rules.yaml"))
	writeFile(t, filepath.Join(dir, "prometheus.yaml"), `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: wxtokend
    file_sd_configs: [{files: [targets.json]}]`)
	addr := freeAddr(t)
	p.url = "http://" + addr
	p.process = spawn(t, "prometheus", nil, program, "--config.file", filepath.Join(dir, "prometheus.yaml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr, "--log.level", "warn")
	eventually(t, 30*time.Second, "Prometheus is ready", func() error {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", response.Status)
		}
		return nil
	})
	return p
}

// hurried are the rules with shorter times: durations, and thresholds, which
// are written as minutes times 60.
func hurried(t testing.TB, file string) string {
	t.Helper()
	rules, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	durations := regexp.MustCompile(`(for: |\[|offset )(\d+[mh])\b`)
	text := durations.ReplaceAllStringFunc(string(rules), func(found string) string {
		parts := durations.FindStringSubmatch(found)
		d, err := time.ParseDuration(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		return parts[1] + strconv.Itoa(int((d / hurry).Milliseconds())) + "ms"
	})
	return strings.ReplaceAll(text, " * 60", fmt.Sprintf(" * %d", 60/hurry))
}

// scrape has Prometheus scrape one more daemon.
func (p *prom) scrape(d *daemon, namespace string) {
	p.t.Helper()
	p.targets = append(p.targets, target{
		Targets: []string{strings.TrimPrefix(d.base, "http://")}, Labels: map[string]string{"namespace": namespace},
	})
	p.writeTargets()
}

func (p *prom) writeTargets() {
	p.t.Helper()
	text, err := json.Marshal(append([]target{}, p.targets...))
	if err != nil {
		p.t.Fatal(err)
	}
	// Prometheus must not meet half of it.
	writeFile(p.t, p.file+".new", string(text))
	if err := os.Rename(p.file+".new", p.file); err != nil {
		p.t.Fatal(err)
	}
}

// sample is one series of an answer; Value is a time, and a number as text.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

// query asks for the value of an expression now.
func (p *prom) query(expr string) ([]sample, error) {
	response, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result []sample }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", expr, response.Status, err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return answer.Data.Result, nil
}

// alerts are the names of those that an expression of ALERTS finds in a namespace, sorted.
func (p *prom) alerts(expr, namespace string) ([]string, error) {
	samples, err := p.query(fmt.Sprintf("count by (alertname) (%s)",
		fmt.Sprintf(expr, fmt.Sprintf(`ALERTS{alertstate="firing",namespace=%q}`, namespace))))
	var names []string
	for _, s := range samples {
		names = append(names, strings.TrimPrefix(s.Metric["alertname"], "Wxtokend"))
	}
	slices.Sort(names)
	return names, err
}

// fire waits until these alerts fire together in the namespace, at least.
func (p *prom) fire(namespace string, want []string, within time.Duration) {
	p.t.Helper()
	eventually(p.t, within, fmt.Sprintf("%s: %v", namespace, want), func() error {
		got, err := p.alerts("%s", namespace)
		for _, name := range want {
			if err == nil && !slices.Contains(got, name) {
				err = fmt.Errorf("only %v", got)
			}
		}
		return err
	})
}

// end waits until none fires in the namespace.
func (p *prom) end(namespace string, within time.Duration) {
	p.t.Helper()
	eventually(p.t, within, namespace+" is quiet", func() error {
		got, err := p.alerts("%s", namespace)
		if err == nil && len(got) > 0 {
			err = fmt.Errorf("%v", got)
		}
		return err
	})
}
