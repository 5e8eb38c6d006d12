package config_test

import "strings"

// badValues are of the wrong form, or contradict each other.
func badValues() []badConfig {
	return []badConfig{
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
