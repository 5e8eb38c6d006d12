package config_test

// badAddresses name nothing that the daemon can listen at, read or call.
func badAddresses() []badConfig {
	return []badConfig{
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
	}
}
