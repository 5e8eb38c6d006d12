package config_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"wxtokend/daemon/store"
)

// minimal is a complete configuration. In a document that begins with it,
// line 1 is right.
const minimal = "credentials: [{appid: a, secret: b}]\n"

type badConfig struct {
	name, document string
	want           []string // UID stands for the number of the user who runs the test
}

// badConfigs are documents and all that Load says about them. The exact text
// matters: an operator reads it in a log, with no source at hand.
func badConfigs() []badConfig {
	return slices.Concat(badDocuments(), badAddresses(), badValues())
}

func TestBadConfig(t *testing.T) {
	uid := fmt.Sprint(os.Getuid())
	_, brace := store.NewKeys("a{b")
	const origin = "must be the origin of pages in small letters, without a path and without the default port, " +
		"such as https://shop.example.com"
	for _, c := range append(badConfigs(), badConsumers()...) {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.document, nil)
			got, want := problems(t, err), slices.Clone(c.want)
			for i := range want {
				want[i] = strings.NewReplacer("user id UID", "user id "+uid,
					"BRACE", brace.Error(), "ORIGIN", origin).Replace(want[i])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s\ngot:\n  %s\nwant:\n  %s", c.document, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

// TestProblemsHaveAnOrder: a reload logs what it refuses when it is another text than before.
func TestProblemsHaveAnOrder(t *testing.T) {
	for range 30 {
		_, err := load(t, minimal+"wechat: {wecom_base_url: 'http://b.example', base_url: 'http://a.example'}\n", nil)
		if got := problems(t, err); len(got) != 2 || !strings.Contains(got[0], "wechat.base_url: plain http") ||
			!strings.Contains(got[1], "wechat.wecom_base_url: plain http") {
			t.Fatalf("%q", got)
		}
	}
}
