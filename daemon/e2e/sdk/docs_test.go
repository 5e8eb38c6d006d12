package sdk

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are those that show the hooks and name the SDKs' versions.
func pages() []string { return []string{"../../../docs/readers.md", "../../../docs/readers.zh-CN.md"} }

// TestDocsShowTheHooks: what people copy is the file that the tests run.
func TestDocsShowTheHooks(t *testing.T) {
	var hooks []string
	for pattern, want := range map[string]int{
		"silenceper/hook.go": 1, "java/src/main/java/FromRedis.java": 1, "python/hooks/*.py": 2, "node/hooks/*.js": 5,
	} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != want {
			t.Fatalf("%s: %v, %v; want %d files", pattern, found, err, want)
		}
		hooks = append(hooks, found...)
	}
	for _, page := range pages() {
		text := read(t, page)
		for _, hook := range hooks {
			language := strings.TrimPrefix(filepath.Ext(hook), ".")
			if language == "py" {
				language = "python"
			}
			if !strings.Contains(text, "\n```"+language+"\n"+read(t, hook)+"```\n") {
				t.Errorf("%s does not show %s as it is", page, hook)
			}
		}
	}
}

// TestDocsNameThePinnedVersions: the versions that people read are those that run.
func TestDocsNameThePinnedVersions(t *testing.T) {
	for file, pins := range map[string][]string{
		"silenceper/go.mod":        {`silenceper/wechat/v2 v(\S+)`},
		"java/pom.xml":             {`<wxjava>(.+)</wxjava>`},
		"python/wechatpy1.txt":     {`(?m)^wechatpy==(.+)$`},
		"python/wechatpy2.txt":     {`(?m)^wechatpy==(.+)$`},
		"python/odoo-wechatpy.txt": {`(?m)^odoo-wechatpy==(.+)$`},
		"python/werobot.txt":       {`(?m)^WeRoBot==(.+)$`},
		"node/package.json": {`"co-wechat-api": "(.+)"`, `"wechat-api": "(.+)"`, `"node-easywechat": "(.+)"`,
			`"nest-wechat": "(.+)"`, `"tnwx": "(.+)"`},
	} {
		for _, pin := range pins {
			found := regexp.MustCompile(pin).FindStringSubmatch(read(t, file))
			if found == nil {
				t.Fatalf("%s does not pin %s", file, pin)
			}
			for _, page := range pages() {
				if !regexp.MustCompile(`\D` + regexp.QuoteMeta(found[1]) + `[ ,，、]`).MatchString(read(t, page)) {
					t.Errorf("%s does not name %s of %s", page, found[1], file)
				}
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
