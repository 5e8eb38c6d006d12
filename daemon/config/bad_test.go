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
		{"listen without port", minimal + "http: {listen: 9477}\n", []string{
			`config.yaml:2: http.listen: must be host:port, such as ":9477" or "127.0.0.1:9477"`,
		}},
		{"listen with a wrong port", minimal + "http: {listen: \":99999\"}\n", []string{
			`config.yaml:2: http.listen: must be host:port, such as ":9477" or "127.0.0.1:9477"`,
		}},
		{"missing token file", minimal + "http: {token_file: ./token}\n", []string{
			"config.yaml:2: http.token_file: ./token: no such file or directory: it must be a file that user id UID can " +
				"read, with nothing but the secret in it",
		}},
		{"one port for both", minimal + "http: {listen: ':9477', probes_listen: ':9477'}\n", []string{
			"config.yaml:2: http.probes_listen: is the same as listen: give the probes a port of their own, such as \":9478\"",
		}},
		{"a lock without a port for the probes", minimal + "http: {web_config_file: ./web.yml}\n", []string{
			"config.yaml:2: http.web_config_file: needs probes_listen: whoever probes has no password and no certificate, " +
				"so give the probes an address of their own, such as \":9478\"",
			"config.yaml:2: http.web_config_file: ./web.yml: no such file or directory",
		}},
		{"a lock that is none", minimal + "http:\n  probes_listen: ':x'\n  web_config_file: ./config.yaml\n", []string{
			`config.yaml:3: http.probes_listen: must be host:port, such as ":9477" or "127.0.0.1:9477"`,
		}},
		{"a lock of another format", minimal + "http:\n  probes_listen: ':1'\n  web_config_file: ./config.yaml\n", []string{
			"config.yaml:4: http.web_config_file: ./config.yaml: line 1: credentials: unknown option: of this format only " +
				"tls_server_config " +
				"(cert_file, key_file, client_auth_type, client_ca_file, min_version) and basic_auth_users are served here",
		}},
		{"a directory as a secret file", minimal + "http: {token_file: /}\n", []string{
			"config.yaml:2: http.token_file: /: not a regular file: it must be a file that user id UID can read, with " +
				"nothing but the secret in it",
		}},
		{"url and cluster", minimal + "redis: {url: \"redis://h/0\", cluster: [\"h:1\"]}\n", []string{
			"config.yaml:2: redis: url, sentinel and cluster exclude each other: keep one",
		}},
		{"sentinel and cluster", minimal + "redis: {sentinel: {master: m, addrs: [\"h:1\"], }, cluster: [\"h:2\"]}\n",
			[]string{
				"config.yaml:2: redis: url, sentinel and cluster exclude each other: keep one",
			}},
		{"no nodes", minimal + "redis: {cluster: []}\n", []string{
			"config.yaml:2: redis.cluster: must name at least one node",
		}},
		{"nodes", minimal +
			"redis:\n  cluster:\n    - redis://:pw@h:1\n    - h\n    - \":1\"\n    - ~\n    - user@h:1\n    - h:1\n", []string{
			"config.yaml:4: redis.cluster[0]: must be host:port, without a scheme and without a password",
			"config.yaml:5: redis.cluster[1]: must be host:port, without a scheme and without a password",
			"config.yaml:6: redis.cluster[2]: must be host:port, without a scheme and without a password",
			"config.yaml:7: redis.cluster[3]: has no value: write one (in 'quotes' if it is a text such as ~ or null), " +
				"or remove the line",
			"config.yaml:8: redis.cluster[4]: must be host:port, without a scheme and without a password",
		}},
		{"incomplete sentinel", minimal + "redis: {sentinel: {}}\n", []string{
			"config.yaml:2: redis.sentinel.master: missing: set it to the name under which the sentinels know the master",
			"config.yaml:2: redis.sentinel.addrs: must name at least one sentinel",
		}},
		{"password twice", minimal + "redis: {password: a, password_file: ./b}\n", []string{
			"config.yaml:2: redis.password_file: password and password_file exclude each other: keep one",
		}},
		{"sentinel password twice",
			minimal + "redis: {sentinel: {master: m, addrs: [\"h:1\"], password: a, password_file: ./b}}\n", []string{
				"config.yaml:2: redis.sentinel.password_file: password and password_file exclude each other: keep one",
			}},
		{"missing sentinel password file", minimal +
			"redis: {sentinel: {master: m, addrs: [\"h:1\"], password_file: ./b}}\n", []string{
			"config.yaml:2: redis.sentinel.password_file: ./b: no such file or directory: it must be a file that user id " +
				"UID can read, with nothing but the secret in it",
		}},
		{"missing password file", minimal + "redis: {password_file: ./b}\n", []string{
			"config.yaml:2: redis.password_file: ./b: no such file or directory: it must be a file that user id UID can " +
				"read, with nothing but the secret in it",
		}},
		{"password in the url and beside it", minimal + "redis: {url: \"redis://:p@h/0\", password: x}\n", []string{
			"config.yaml:2: redis.url: holds a password, and so does an option of its own: keep one",
		}},
		{"user in the url and beside it", minimal + "redis: {url: \"redis://u@h/0\", username: x}\n", []string{
			"config.yaml:2: redis.url: holds a user name, and so does the option username: keep one",
		}},
		{"redis url: scheme", minimal + "redis: {url: \"http://h\"}\n", []string{
			"config.yaml:2: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
				"embedded; percent-encode special characters of the password",
		}},
		{"redis url: slash in the password", minimal + "redis: {url: \"redis://:a/b@h\"}\n", []string{
			"config.yaml:2: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
				"embedded; percent-encode special characters of the password",
		}},
		{"redis url: slash behind an @ in the password", minimal + "redis: {url: \"redis://:p@ss/w@h:6379/0\"}\n", []string{
			"config.yaml:2: redis.url: has an @ behind its host: percent-encode special characters of the password, such as " +
				"%2F for /, or use password_file",
		}},
		{"redis url: question mark in the password", minimal + "redis: {url: \"redis://:1?w@h:6379/0\"}\n", []string{
			"config.yaml:2: redis.url: has an @ behind its host: percent-encode special characters of the password, such as " +
				"%2F for /, or use password_file",
		}},
		{"redis url: no host", minimal + "redis: {url: \"redis:///0\"}\n", []string{
			"config.yaml:2: redis.url: must name a host, as in redis://127.0.0.1:6379/0",
		}},
		{"redis url: port", minimal + "redis: {url: \"redis://h:99999\"}\n", []string{
			"config.yaml:2: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
				"embedded; percent-encode special characters of the password",
		}},
		{"redis url: database", minimal + "redis: {url: \"redis://h/x\"}\n", []string{
			"config.yaml:2: redis.url: must end in the number of a database, as in redis://127.0.0.1:6379/0",
		}},
		{"redis url: negative database", minimal + "redis: {url: \"redis://h/-1\"}\n", []string{
			"config.yaml:2: redis.url: must end in the number of a database, as in redis://127.0.0.1:6379/0",
		}},
		{"redis url: parameter", minimal + "redis: {url: \"redis://h/0?read_timeout=1s\"}\n", []string{
			"config.yaml:2: redis.url: must have no parameter but one db: the daemon sets the others itself",
		}},
		{"redis url: two databases", minimal + "redis: {url: \"redis://h/0?db=1\"}\n", []string{
			"config.yaml:2: redis.url: must have no parameter but one db: the daemon sets the others itself",
		}},
		{"redis url: relative socket", minimal + "redis: {url: \"unix://run/x\"}\n", []string{
			"config.yaml:2: redis.url: must name the socket with an absolute path, as in unix:///run/redis.sock",
		}},
		{"redis url: database of a socket", minimal + "redis: {url: \"unix:///run/x?db=x\"}\n", []string{
			"config.yaml:2: redis.url: must end in the number of a database, as in redis://127.0.0.1:6379/0",
		}},
		{"redis url: embedded for everybody", minimal + "redis: {url: \"embedded://0.0.0.0:6379\"}\n", []string{
			"config.yaml:2: redis.url: embedded Redis has no password, so it must listen on a loopback address: " +
				"embedded://127.0.0.1:6379",
		}},
		{"redis url: empty", minimal + "redis: {url: \"\"}\n", []string{
			"config.yaml:2: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
				"embedded; percent-encode special characters of the password",
		}},
		{"redis url: no slashes", minimal + "redis: {url: \"redis:h:6379\"}\n", []string{
			"config.yaml:2: redis.url: must name a host, as in redis://127.0.0.1:6379/0",
		}},
		{"redis url: number sign in the password", minimal + "redis: {url: \"redis://:a%23b@h/0#x\"}\n", []string{
			"config.yaml:2: redis.url: must be a URL such as redis://127.0.0.1:6379/0, with scheme redis, rediss, unix or " +
				"embedded; percent-encode special characters of the password",
		}},
		{"certificate without key", minimal + "redis: {url: \"rediss://h\", tls: {cert_file: x}}\n", []string{
			"config.yaml:2: redis.tls: cert_file and key_file need each other",
		}},
		{"base_url: plain http", minimal + "wechat: {base_url: \"http://10.0.0.1\"}\n", []string{
			"config.yaml:2: wechat.base_url: plain http would send the AppSecret readable: use https, or set allow_http: true",
		}},
		{"base_url: scheme", minimal + "wechat: {base_url: \"ftp://x\"}\n", []string{
			"config.yaml:2: wechat.base_url: must be a URL such as https://api.weixin.qq.com, without user, " +
				"password or parameters",
		}},
		{"base_url: user", minimal + "wechat: {base_url: \"https://u:p@x\"}\n", []string{
			"config.yaml:2: wechat.base_url: must be a URL such as https://api.weixin.qq.com, without user, " +
				"password or parameters",
		}},
		{"base_url: parameter", minimal + "wechat: {base_url: \"https://h/?access_token=x\"}\n", []string{
			"config.yaml:2: wechat.base_url: must be a URL such as https://api.weixin.qq.com, without user, " +
				"password or parameters",
		}},
		{"base_url: no host", minimal + "wechat: {base_url: \"https:///x\"}\n", []string{
			"config.yaml:2: wechat.base_url: must be a URL such as https://api.weixin.qq.com, without user, " +
				"password or parameters",
		}},
		{"proxy", minimal + "wechat: {proxy: \"socks4://p\"}\n", []string{
			"config.yaml:2: wechat.proxy: must be a URL such as http://user:password@proxy:3128, with scheme http, https, " +
				"socks5 or socks5h; percent-encode special characters of the password",
		}},
		{"a word for a boolean", minimal + "wechat: {allow_http: yes}\n", []string{
			`config.yaml:2: wechat.allow_http: must be true or false`,
		}},
		{"quoted boolean", minimal + "wechat: {allow_http: \"true\"}\n", []string{
			"config.yaml:2: wechat.allow_http: must be written without quotes",
		}},
		{"quoted number", "credentials: [{appid: a, secret: b, daily_limit: \"5\"}]\n", []string{
			"config.yaml:1: credentials[0].daily_limit: must be written without quotes",
		}},
		{"duration without unit", minimal + "redis: {timeout: 2}\n", []string{
			`config.yaml:2: redis.timeout: must be a duration with a unit, such as 500ms, 30s or 5m`,
		}},
		{"times longer than Redis can tell from somebody else's",
			minimal + "refresh: {lease: 61m, backoff_max: 61m, verify_every: 25h}\n", []string{
				`config.yaml:2: refresh.lease: must be from 1ms to 1h0m0s in whole milliseconds`,
				`config.yaml:2: refresh.backoff_max: must be from 1ms to 1h0m0s in whole milliseconds`,
				`config.yaml:2: refresh.verify_every: must be from 1ms to 24h0m0s in whole milliseconds`,
			}},
		{"an appid longer than any", "credentials: [{appid: " + strings.Repeat("a", 129) + ", secret: b}]\n", []string{
			`config.yaml:1: credentials[0]: appid, or corpid and agentid, must be at most 128 bytes long, the name of a ` +
				`ticket's kind included`,
		}},
		{"durations of zero, too fine, negative, too long",
			minimal + "refresh: {poll: 0s, lease: 1500us, backoff_min: -1s, backoff_max: 9000h}\n", []string{
				`config.yaml:2: refresh.poll: must be from 1ms to 8760h0m0s in whole milliseconds`,
				`config.yaml:2: refresh.lease: must be from 1ms to 1h0m0s in whole milliseconds`,
				`config.yaml:2: refresh.backoff_min: must be from 1ms to 1h0m0s in whole milliseconds`,
				`config.yaml:2: refresh.backoff_max: must be from 1ms to 1h0m0s in whole milliseconds`,
			}},
		{"no value is repeated, it may be a password", minimal + "refresh: {poll: hunter2}\n", []string{
			"config.yaml:2: refresh.poll: must be a duration with a unit, such as 500ms, 30s or 5m",
		}},
		{"lease too short", minimal + "refresh: {lease: 8999ms}\n", []string{
			"config.yaml:2: refresh.lease: lease 8.999s must be at least wechat.timeout + 2 × redis.timeout = 9s",
		}},
		{"timeout too long", minimal + "wechat: {timeout: 40s}\n", []string{
			"config.yaml:2: wechat.timeout: lease 30s must be at least wechat.timeout + 2 × redis.timeout = 44s",
		}},
		{"poll longer than the lease", minimal + "refresh: {poll: 31s}\n", []string{
			"config.yaml:2: refresh.poll: poll 31s must be at most lease 30s",
		}},
		{"backoff upside down", minimal + "refresh: {backoff_max: 500ms}\n", []string{
			"config.yaml:2: refresh.backoff_max: backoff_min 1s must be at most backoff_max 500ms",
		}},
		{"relation with a broken option", minimal + "refresh: {lease: 5s, poll: x}\n", []string{
			`config.yaml:2: refresh.poll: must be a duration with a unit, such as 500ms, 30s or 5m`,
		}},
		{"own lease too short", "credentials: [{appid: a, secret: b, lease: 3s}]\n", []string{
			"config.yaml:1: credentials[0].lease: lease 3s must be at least wechat.timeout + 2 × redis.timeout = 9s",
		}},
		{"own lease shorter than poll", "refresh: {poll: 20s}\ncredentials: [{appid: a, secret: b, lease: 15s}]\n", []string{
			"config.yaml:2: credentials[0].lease: poll 20s must be at most lease 15s",
		}},
		{"own backoff_min too long", "credentials: [{appid: a, secret: b, backoff_min: 10m}]\n", []string{
			"config.yaml:1: credentials[0].backoff_min: backoff_min 10m0s must be at most backoff_max 5m0s",
		}},
		{"one complaint about what two inherit",
			"refresh: {lease: 1s}\ncredentials: [{appid: a, secret: b, lease: 1m}, {appid: a, secret: b, key: k}, " +
				"{appid: a, secret: b, key: l}]\n", []string{
				"config.yaml:1: refresh.lease: lease 1s must be at least wechat.timeout + 2 × redis.timeout = 9s",
				"config.yaml:1: refresh.lease: poll 2s must be at most lease 1s",
			}},
		{"same key", "credentials:\n- {appid: a, secret: b}\n- {appid: c, secret: d}\n", []string{
			"config.yaml:3: credentials[1].key: shares a Redis key with credentials[0]: give each credential a key of its own",
		}},
		{"same side keys", "credentials:\n- {appid: a, secret: b, key: x}\n- {appid: c, secret: d, key: \"{x}\"}\n", []string{
			"config.yaml:3: credentials[1].key: shares a Redis key with credentials[0]: give each credential a key of its own",
		}},
		{"side key as a key",
			"credentials:\n- {appid: a, secret: b, key: \"{x}:state\"}\n- {appid: c, secret: d, key: x}\n", []string{
				"config.yaml:3: credentials[1].key: shares a Redis key with credentials[0]: give each credential a key of its own",
			}},
		{"braces", "credentials:\n- {appid: a, secret: b, key: \"a{}\"}\n- {appid: a, secret: b, key: \"a}b\"}\n" +
			"- {appid: a, secret: b, key: \"{a}{b}\"}\n- {appid: a, secret: b, key: \"\"}\n", []string{
			"config.yaml:2: credentials[0].key: braces in a key must be one non-empty {tag}, as Redis Cluster places keys by it",
			"config.yaml:3: credentials[1].key: braces in a key must be one non-empty {tag}, as Redis Cluster places keys by it",
			"config.yaml:4: credentials[2].key: braces in a key must be one non-empty {tag}, as Redis Cluster places keys by it",
			"config.yaml:5: credentials[3].key: the key is empty",
		}},
		{"no appid, no secret", "credentials:\n- key: a\n- appid: \"\"\n  secret: \"\"\n", []string{
			"config.yaml:2: credentials[0].appid: missing: set it to the AppID of the account",
			"config.yaml:2: credentials[0].secret: missing: set secret_file (or secret), or mint: false for a replica that " +
				"never calls WeChat",
			"config.yaml:3: credentials[1].appid: missing: set it to the AppID of the account",
			"config.yaml:4: credentials[1].secret: missing: set secret_file (or secret), or mint: false for a replica that " +
				"never calls WeChat",
		}},
		{"no appid without minting", "credentials: [{mint: false}]\n", []string{
			"config.yaml:1: credentials[0].appid: missing: set it to the AppID of the account",
		}},
		{"secret twice", "credentials: [{appid: a, secret: b, secret_file: ./x}]\n", []string{
			"config.yaml:1: credentials[0].secret_file: secret and secret_file exclude each other: keep one",
		}},
		{"missing secret file", "credentials:\n  - appid: a\n    secret_file: ./x\n", []string{
			"config.yaml:3: credentials[0].secret_file: ./x: no such file or directory: it must be a file that user id UID " +
				"can read, with nothing but the secret in it",
		}},
		{"a secret as the name of its file", "credentials: [{appid: a, secret_file: 0123456789abcdef0123456789abcdef}]\n",
			[]string{
				"config.yaml:1: credentials[0].secret_file: file whose name could be a secret: no such file or directory: it " +
					"must be a file that user id UID can read, with nothing but the secret in it",
			}},
		{"all mistakes of a credential",
			"credentials:\n- appid: ~\n  secret: a\n  api: stabel\n  format: xml\n  utc_offset: 0800\n  daily_limit: 0100\n" +
				"  ahead: 0s\n  mint: 1\n", []string{
				"config.yaml:2: credentials[0].appid: has no value: write one (in 'quotes' if it is a text such as ~ or null), " +
					"or remove the line",
				`config.yaml:4: credentials[0].api: must be stable or classic`,
				`config.yaml:5: credentials[0].format: must be json or raw`,
				`config.yaml:6: credentials[0].utc_offset: must be an offset such as "+0800" or "-0000"`,
				`config.yaml:7: credentials[0].daily_limit: must be a whole number from 1 to 999999999`,
				`config.yaml:8: credentials[0].ahead: must be from 1ms to 8760h0m0s in whole milliseconds`,
				`config.yaml:9: credentials[0].mint: must be true or false`,
			}},
		{"a zone alone", "credentials: [{appid: a, secret: b, rotate: TZ=0}]\n", []string{
			`config.yaml:1: credentials[0].rotate: must be five fields of cron with a zone, such as ` +
				`"CRON_TZ=Asia/Shanghai 30 4 * * *"`,
		}},
		{"rotation of what no draw changes", "credentials: [{kind: wecom, corpid: a, secret: b, rotate: \"@daily\"}]\n",
			[]string{
				"config.yaml:1: credentials[0].rotate: has no effect on the kind wecom, of which a draw gives the same " +
					"again: remove it",
			}},
		{"in the order of the file", "refresh: {lease: x}\nlog: {level: x}\ncredentials: [{appid: a}]\nhttp: {listen: x}\n",
			[]string{
				`config.yaml:1: refresh.lease: must be a duration with a unit, such as 500ms, 30s or 5m`,
				`config.yaml:2: log.level: must be debug, info, warn or error`,
				`config.yaml:4: http.listen: must be host:port, such as ":9477" or "127.0.0.1:9477"`,
			}},
	}
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
