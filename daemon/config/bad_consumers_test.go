package config_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// badConsumers are those of the token API.
func badConsumers() []badConfig {
	const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const head = minimal + "http:\n  listen: '127.0.0.1:9477'\n  consumers:\n"
	one := func(name, sum string) string {
		return "{name: " + name + ", secret_sha256: " + sum + ", keys: [WXAccessToken]}"
	}
	return []badConfig{
		{"open to all", minimal + "http: {consumers: [" + one("a", sum) + "]}\n", []string{
			"config.yaml:2: http.consumers: needs TLS, or everybody on the way could read the tokens: set web_config_file " +
				"to a file with tls_server_config, or listen to a loopback address such as \"127.0.0.1:9477\"",
		}},
		{"nothing set", head + "  - {}\n", []string{
			"config.yaml:5: http.consumers[0].name: missing: set it to the name of the app",
			"config.yaml:5: http.consumers[0].secret_sha256: missing: set it to what `printf %s SECRET | sha256sum` prints",
			"config.yaml:5: http.consumers[0].keys: missing: name the keys that this app may read",
		}},
		{"wrong values", head + "  - name: Shop 1\n    secret_sha256: hunter2\n    keys: [b, 'a{b']\n    jssdk_origins:\n" +
			"    - https://a.example.com/\n    - https://A.example.com\n    - https://a.example.com:443\n" +
			"    - a.example.com\n    - 'https://*.example.com'\n    - https://u@a.example.com\n", []string{
			"config.yaml:5: http.consumers[0].name: must be 1 to 63 of a to z, 0 to 9, - and _",
			"config.yaml:6: http.consumers[0].secret_sha256: must be 64 hex digits, " +
				"as `printf %s SECRET | sha256sum` prints them",
			"config.yaml:7: http.consumers[0].keys[1]: BRACE",
			"config.yaml:9: http.consumers[0].jssdk_origins[0]: ORIGIN",
			"config.yaml:10: http.consumers[0].jssdk_origins[1]: ORIGIN",
			"config.yaml:11: http.consumers[0].jssdk_origins[2]: ORIGIN",
			"config.yaml:12: http.consumers[0].jssdk_origins[3]: ORIGIN",
			"config.yaml:13: http.consumers[0].jssdk_origins[4]: ORIGIN",
			"config.yaml:14: http.consumers[0].jssdk_origins[5]: ORIGIN",
		}},
		{"an empty secret", head + "  - " + one("a", fmt.Sprintf("%X", sha256.Sum256(nil))) + "\n", []string{
			"config.yaml:5: http.consumers[0].secret_sha256: is that of no secret at all: was the variable empty?",
		}},
		{"keys that are none", head + "  - {name: a, secret_sha256: " + sum + ", keys: []}\n" +
			"  - {name: b, secret_sha256: f" + sum[1:] + ", keys: [WXAccessToken, Other, WXAccessToken]}\n", []string{
			"config.yaml:5: http.consumers[0].keys: missing: name the keys that this app may read",
			"config.yaml:6: http.consumers[1].keys[1]: is the key of no credential: name one of credentials, or remove it",
			"config.yaml:6: http.consumers[1].keys[2]: is named twice: remove one",
		}},
		{"two of one name, and of one secret", head + "  - " + one("a", sum) + "\n" +
			"  - " + one("a", strings.ToUpper(sum)) + "\n", []string{
			"config.yaml:6: http.consumers[1].name: is that of http.consumers[0] as well: give each consumer its own",
			"config.yaml:6: http.consumers[1].secret_sha256: is that of http.consumers[0] as well: give each consumer its own",
		}},
		{"another option", head + "  - {name: a, secret_sha256: " + sum +
			", keys: [WXAccessToken], key: x, secret: y, secret_sha1: z}\n", []string{
			"config.yaml:5: http.consumers[0].key: unknown option, did you mean keys?",
			"config.yaml:5: http.consumers[0].secret: unknown option",
			"config.yaml:5: http.consumers[0].?: unknown option, its name is not shown because it could hold a secret; " +
				"is the space after a colon missing?",
		}},
	}
}
