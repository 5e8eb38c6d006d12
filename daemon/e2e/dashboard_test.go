package e2e

//lint:file-ignore SA1019 the newer form is read by the newest Grafana alone

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// readDashboard is deploy/grafana/dashboard.json, as Grafana's own types read
// it: an option that they do not know, or miss, is an error.
func readDashboard(t testing.TB) dashboard.Dashboard {
	t.Helper()
	known := cog.NewRuntime()
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	known.RegisterPanelcfgVariant(table.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var strict, d dashboard.Dashboard
	// No error is an empty list of them, which is not nil, and keeps the panels
	// from what was read.
	if err := strict.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions are the queries of a dashboard by the title of their panel, with
// its variables set to all.
func expressions(t testing.TB, d dashboard.Dashboard) map[string][]string {
	t.Helper()
	all := strings.NewReplacer("$namespace", ".*", "$key", ".*", "$__rate_interval", "30s", "$__range", "5m")
	found := map[string][]string{}
	for _, panel := range panels(d) {
		for _, query := range panel.Targets {
			q := query.(*prometheus.Dataquery)
			found[*panel.Title] = append(found[*panel.Title], all.Replace(q.Expr))
		}
	}
	variable := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			parts := variable.FindStringSubmatch(*v.Definition)
			if parts == nil {
				t.Fatalf("variable %s: %s", v.Name, *v.Definition)
			}
			name := "variable " + v.Name
			found[name] = append(found[name], all.Replace("count by ("+parts[2]+") ("+parts[1]+")"))
		}
	}
	return found
}

// panels are those that are no headings of rows.
func panels(d dashboard.Dashboard) (all []dashboard.Panel) {
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, *p.Panel)
		}
	}
	return all
}

// TestDashboard: each panel says what it shows, in which unit, and asks the
// data source that was chosen for the namespaces that were; none lies on another.
func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	taken := map[[2]uint32]string{}
	for _, p := range panels(d) {
		title := *p.Title
		if p.Description == nil || *p.Description == "" {
			t.Errorf("%s: no description", title)
		}
		if unit := p.FieldConfig.Defaults.Unit; (p.Type == "timeseries" || p.Type == "stat") && (unit == nil || *unit == "") {
			t.Errorf("%s: no unit", title)
		}
		for _, query := range p.Targets {
			q := query.(*prometheus.Dataquery)
			if q.Datasource == nil || *q.Datasource.Uid != "${datasource}" ||
				!strings.Contains(q.Expr, `namespace=~"$namespace"`) {
				t.Errorf("%s: asks %v for %s", title, q.Datasource, q.Expr)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, found := taken[[2]uint32{x, y}]; found || x >= 24 {
					t.Fatalf("%s lies on %q or beside the page", title, other)
				}
				taken[[2]uint32{x, y}] = title
			}
		}
	}
	if len(taken) == 0 {
		t.Error("no panels")
	}
}

// TestDashboardCountsMinters: whoever only watches is none of them, also when all
// others are dead; a process without series for each key is one.
func TestDashboardCountsMinters(t *testing.T) {
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED, NOT PASSED: promtool is not installed (Debian: apt-get install prometheus)")
	}
	expr := expressions(t, readDashboard(t))["Replicas that may draw tokens"][0]
	file := filepath.Join(t.TempDir(), "test.yaml")
	writeFile(t, file, fmt.Sprintf(`
tests:
  - interval: 1m
    input_series:
      - {series: 'wxtokend_build_info{namespace="a",instance="minter"}', values: '1x2 stale'}
      - {series: 'wxtokend_minting_credentials{namespace="a",instance="minter"}', values: '2x2 stale'}
      - {series: 'wxtokend_credential_info{namespace="a",instance="minter",key="K",mint="true"}', values: '1x2 stale'}
      - {series: 'wxtokend_credential_info{namespace="a",instance="minter",key="L",mint="true"}', values: '1x2 stale'}
      - {series: 'wxtokend_build_info{namespace="a",instance="watcher"}', values: '1x9'}
      - {series: 'wxtokend_minting_credentials{namespace="a",instance="watcher"}', values: '0x9'}
      - {series: 'wxtokend_credential_info{namespace="a",instance="watcher",key="K",mint="false"}', values: '1x9'}
      - {series: 'wxtokend_build_info{namespace="b",instance="many"}', values: '1x4 stale'}
      - {series: 'wxtokend_minting_credentials{namespace="b",instance="many"}', values: '300x4 stale'}
      - {series: 'wxtokend_build_info{namespace="b",instance="watches many"}', values: '1x9'}
      - {series: 'wxtokend_minting_credentials{namespace="b",instance="watches many"}', values: '0x9'}
    promql_expr_test:
      - {expr: &minters '%s', eval_time: 1m, exp_samples: [{value: 2}]}
      - {expr: *minters, eval_time: 4m, exp_samples: [{value: 1}]}
      - {expr: *minters, eval_time: 6m, exp_samples: []}
`, expr))
	if said, err := exec.Command(program, "test", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
}

// answered fails the test for each query of the dashboard that Prometheus has
// no data for.
func (p *prom) answered(d dashboard.Dashboard) {
	p.t.Helper()
	for title, queries := range expressions(p.t, d) {
		for _, expr := range queries {
			samples, err := p.query(expr)
			samples = slices.DeleteFunc(samples, func(s sample) bool { return s.Value[1] == "NaN" })
			if err != nil || len(samples) == 0 {
				p.t.Errorf("%s: no data for %s (%v)", title, expr, err)
			}
		}
	}
}
