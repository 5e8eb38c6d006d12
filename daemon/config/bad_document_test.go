package config_test

import "strings"

// badDocuments are no YAML of ours, or say something where it does not belong.
func badDocuments() []badConfig {
	return []badConfig{
		{"nothing configured", "", []string{
			"config.yaml: credentials: none is configured: add one to config.yaml, or set WXTOKEND_APPID and " +
				"WXTOKEND_SECRET_FILE",
		}},
		{"empty list of credentials", "credentials: []\n", []string{
			"config.yaml:1: credentials: none is configured: add one to config.yaml, or set WXTOKEND_APPID and " +
				"WXTOKEND_SECRET_FILE",
		}},
		{"credentials commented out", "credentials:\n  # - key: x\n", []string{
			"config.yaml:1: credentials: none is configured: add one to config.yaml, or set WXTOKEND_APPID and " +
				"WXTOKEND_SECRET_FILE",
		}},
		{"a credential without options", "credentials:\n  -\n", []string{
			"config.yaml:2: credentials[0].appid: missing: set it to the AppID of the account",
			"config.yaml:2: credentials[0].secret: missing: set secret_file (or secret), or mint: false for a replica that " +
				"never calls WeChat",
		}},
		{"a kind that does not exist", "credentials: [{kind: jsapi, appid: a, secret: b}]\n", []string{
			"config.yaml:1: credentials[0].kind: must be official_account, jsapi_ticket, wx_card_ticket, wecom, " +
				"wecom_jsapi_ticket or wecom_agent_ticket",
		}},
		{"a ticket with an account of its own", "credentials: [{appid: a, secret: b},\n" +
			"{key: t, kind: jsapi_ticket, from: WXAccessToken, appid: a, secret: b, api: stable}]\n", []string{
			"config.yaml:2: credentials[1].appid: has no effect on the kind jsapi_ticket, which has those of from: remove it",
			"config.yaml:2: credentials[1].secret: has no effect on the kind jsapi_ticket, which has those of from: remove it",
			"config.yaml:2: credentials[1].api: has no effect on the kind jsapi_ticket, which has only one: remove it",
		}},
		{"tickets of nobody, of no token, and of another house", "credentials: [{kind: jsapi_ticket},\n" +
			"{key: t, kind: wecom_jsapi_ticket, from: x}, {key: u, kind: wecom_agent_ticket, from: v},\n" +
			"{key: v, appid: a, mint: false}, {key: w, kind: wx_card_ticket, from: w}]\n", []string{
			"config.yaml:1: credentials[0].from: missing: a jsapi_ticket is drawn with the token of another credential, " +
				"whose key stands here",
			"config.yaml:2: credentials[1].from: no credential has this key: add the wecom that the " +
				"wecom_jsapi_ticket is drawn with",
			"config.yaml:2: credentials[2].from: the credential with this key is of kind official_account, and a " +
				"wecom_agent_ticket is drawn with the token of kind wecom",
			"config.yaml:3: credentials[4].from: the credential with this key is of kind wx_card_ticket, and a " +
				"wx_card_ticket is drawn with the token of kind official_account",
		}},
		{"WeCom as an official account, and the other way",
			"credentials: [{kind: wecom, appid: a, secret: b, api: classic},\n" +
				"{key: t, corpid: c, agentid: d, from: t, secret: b}]\n", []string{
				"config.yaml:1: credentials[0].appid: has no effect on the kind wecom, which is drawn with corpid and " +
					"secret: remove it",
				"config.yaml:1: credentials[0].corpid: missing: set it to the CorpID of the company",
				"config.yaml:1: credentials[0].api: has no effect on the kind wecom, which has only one: remove it",
				"config.yaml:2: credentials[1].corpid: has no effect on the kind official_account, which is drawn with appid " +
					"and secret: remove it",
				"config.yaml:2: credentials[1].agentid: has no effect on the kind official_account, which is drawn with appid " +
					"and secret: remove it",
				"config.yaml:2: credentials[1].from: has no effect on the kind official_account, which is drawn with appid and " +
					"secret: remove it",
				"config.yaml:2: credentials[1].appid: missing: set it to the AppID of the account",
			}},
		{"a corp of other letters, and too many of them", "credentials: [{kind: wecom, corpid: a/b, secret: b},\n" +
			"{key: t, kind: wecom, corpid: " + strings.Repeat("c", 129) + ", secret: b}]\n", []string{
			"config.yaml:1: credentials[0].corpid: must be of letters and digits, as in the console of WeCom",
		}},
		{"a corp too long", "credentials: [{kind: wecom, corpid: " + strings.Repeat("c", 129) + ", secret: b}]\n", []string{
			"config.yaml:1: credentials[0]: appid, or corpid and agentid, must be at most 128 bytes long, the name of a " +
				"ticket's kind included",
		}},
		{"WeCom over plain http", "wechat: {wecom_base_url: \"http://qy.example\"}\n" + minimal, []string{
			"config.yaml:1: wechat.wecom_base_url: plain http would send the AppSecret readable: use https, or set " +
				"allow_http: true",
		}},
		{"a credential that is a text", "credentials: [wx1]\n", []string{
			"config.yaml:1: credentials[0]: must be a mapping (name: value)",
		}},
		{"credentials as a mapping", "credentials: {appid: wx1}\n", []string{
			"config.yaml:1: credentials: must be a list (- item)",
		}},
		{"the file is a list", "- a\n", []string{
			"config.yaml:1: must be a mapping (name: value)",
		}},
		{"the file is a text", "hello\n", []string{
			"config.yaml:1: must be a mapping (name: value)",
		}},
		{"unknown section", "rediss: {}\n" + minimal, []string{
			"config.yaml:1: rediss: unknown option, did you mean redis?",
		}},
		{"unknown options, two close to known ones", "http: {tokenFile: x, listne: y, zzz: 1}\n" + minimal, []string{
			"config.yaml:1: http.tokenFile: unknown option, did you mean token_file?",
			"config.yaml:1: http.listne: unknown option, did you mean listen?",
			"config.yaml:1: http.zzz: unknown option",
		}},
		{"another spelling, two letters that changed places, one letter too many",
			minimal + "refresh: {pole: 2s, backofMin: 1s, lesae: 1s, leases: 1s}\n", []string{
				"config.yaml:2: refresh.pole: unknown option, did you mean poll?",
				"config.yaml:2: refresh.backofMin: unknown option, did you mean backoff_min?",
				"config.yaml:2: refresh.lesae: unknown option, did you mean lease?",
				"config.yaml:2: refresh.leases: unknown option, did you mean lease?",
			}},
		{"options of another section", minimal + "poll: 3s\nrefresh: {api: classic}\n", []string{
			"config.yaml:2: poll: unknown option",
			"config.yaml:3: refresh.api: unknown option",
		}},
		{"poll is global", "credentials: [{appid: a, secret: b, poll: 3s}]\n", []string{
			"config.yaml:1: credentials[0].poll: unknown option",
		}},
		{"no space after the colon, flow", "credentials: [{appid: a, secret:b}]\n", []string{
			"config.yaml:1: credentials[0].?: unknown option, its name is not shown because it could hold a secret; is the " +
				"space after a colon missing?",
		}},
		{"no space after the colon, block", "credentials:\n- appid: a\n  secret:b\n  api: stable\n", []string{
			"config.yaml:3: this line or the next is not YAML: could not find expected ':' (put a value with special " +
				"characters in 'quotes')",
		}},
		{"a list as a name", "? [a]\n: b\n" + minimal, []string{
			"config.yaml:1: ?: unknown option, its name is not shown because it could hold a secret; is the space after " +
				"a colon missing?",
		}},
		{"merge key", minimal + "log:\n  <<: {level: info}\n", []string{
			"config.yaml:3: log.?: unknown option, its name is not shown because it could hold a secret; is the space after " +
				"a colon missing?",
		}},
		{"doubled option", minimal + "log:\n  level: info\n  level: warn\n", []string{
			"config.yaml:4: log.level: set twice, first in line 3: remove one",
		}},
		{"doubled section", minimal + "log: {level: info}\n\nlog: {level: info}\n", []string{
			"config.yaml:4: log: set twice, first in line 2: remove one",
		}},
		{"second document", minimal + "---\n" + minimal, []string{
			"config.yaml:2: must be a single YAML document: remove the second one",
		}},
		{"empty second document", minimal + "---\n", []string{
			"config.yaml:2: must be a single YAML document: remove the second one",
		}},
		{"text after the end of the document", minimal + "...\nx\n", []string{
			"config.yaml:2: this line or the next is not YAML: did not find expected <document start> (put a value with " +
				"special characters in 'quotes')",
		}},
		{"syntax error in the second document", minimal + "---\n- [\n", []string{
			"config.yaml:3: this line or the next is not YAML: did not find expected node content (put a value with special " +
				"characters in 'quotes')",
		}},
		{"unknown alias", minimal + "log:\n  level: info\n  format: *foo\n", []string{
			"config.yaml:4: aliases, anchors and tags are not supported: put a value that begins with *, & or ! in 'quotes'",
		}},
		{"anchor", "credentials:\n- appid: a\n  secret: &foo x\n", []string{
			"config.yaml:3: credentials[0].secret: aliases, anchors and tags are not supported: put a value that begins " +
				"with *, & or ! in 'quotes'",
		}},
		{"anchor and alias", minimal + "log: {level: &a info, format: *a}\n", []string{
			"config.yaml:2: log.level: aliases, anchors and tags are not supported: put a value that begins with *, & " +
				"or ! in 'quotes'",
			"config.yaml:2: log.format: aliases, anchors and tags are not supported: put a value that begins with *, & " +
				"or ! in 'quotes'",
		}},
		{"tag", "credentials:\n- appid: a\n  secret: !x y\n", []string{
			"config.yaml:3: credentials[0].secret: aliases, anchors and tags are not supported: put a value that begins " +
				"with *, & or ! in 'quotes'",
		}},
		{"special character without quotes", "credentials:\n- appid: a\n  secret: @x\n", []string{
			"config.yaml:3: this line or the next is not YAML: found character that cannot start any token (put a value " +
				"with special characters in 'quotes')",
		}},
		{"open bracket", minimal + "log: [1\n", []string{
			"config.yaml:1: this line or the next is not YAML: did not find expected ',' or ']' (put a value with special " +
				"characters in 'quotes')",
		}},
		{"control character", minimal + "log: {level: \x00}\n", []string{
			"config.yaml:2: is not plain UTF-8 text",
		}},
		{"latin-1", minimal + "\n# caf\xe9\n", []string{
			"config.yaml:3: is not plain UTF-8 text",
		}},
		{"line break in a secret", "credentials:\n- appid: a\n  secret: |\n    b\n", []string{
			"config.yaml:3: credentials[0].secret: must not contain a line break: it has to be one line",
		}},
		{"no value", minimal + "log: {level: , format: ~}\n", []string{
			"config.yaml:2: log.level: has no value: write one (in 'quotes' if it is a text such as ~ or null), " +
				"or remove the line",
			"config.yaml:2: log.format: has no value: write one (in 'quotes' if it is a text such as ~ or null), " +
				"or remove the line",
		}},
		{"null as a secret", "credentials: [{appid: a, secret: null}]\n", []string{
			"config.yaml:1: credentials[0].secret: has no value: write one (in 'quotes' if it is a text such as ~ or null), " +
				"or remove the line",
		}},
		{"section that is a list", minimal + "log: [a]\n", []string{
			"config.yaml:2: log: must be a mapping (name: value)",
		}},
		{"section that is a text", minimal + "http: \":80\"\n", []string{
			"config.yaml:2: http: must be a mapping (name: value)",
		}},
		{"value that is a list", minimal + "http: {listen: [a]}\n", []string{
			"config.yaml:2: http.listen: must be a single value",
		}},
		{"log", minimal + "log: {level: INFO, format: logfmt}\n", []string{
			`config.yaml:2: log.level: must be debug, info, warn or error`,
			`config.yaml:2: log.format: must be auto, text or json`,
		}},
	}
}
