package check

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/secret"
)

// warning is what works, but perhaps not as somebody meant it, with its cure.
type warning struct{ subject, saw, cure string }

// LogWarnings writes to log what a daemon with c should be told when it starts,
// twenty lines at most. Environ is that of the process, as of os.Environ.
func LogWarnings(ctx context.Context, log *slog.Logger, c config.Config, environ []string) {
	const most = 20
	warnings := warnings(c, environ)
	for _, credential := range c.Credentials {
		if text, err := credential.ReadSecret(ctx); err == nil && !isAppSecret(text) {
			warnings = append(warnings, notAnAppSecret(credential, text))
		}
	}
	for _, w := range warnings[:min(most, len(warnings))] {
		log.Warn(w.saw, "subject", w.subject, "cure", w.cure)
	}
	if more := len(warnings) - most; more > 0 {
		log.Warn("there are more warnings about the configuration", "more", more, "cure", "wxtokend check lists them")
	}
}

func isAppSecret(text secret.Secret) bool {
	return len(text) == 32 && strings.Trim(text.Reveal(), "0123456789abcdef") == ""
}

func notAnAppSecret(c config.Credential, text secret.Secret) warning {
	saw := fmt.Sprintf("from %s: not 32 hex digits as WeChat's AppSecrets are, but %d byte(s)", source(c), len(text))
	return warning{"secret " + c.Key, saw,
		"compare it with the developer page of the account: look for spaces, quotes or a cut end"}
}

func source(c config.Credential) string {
	if c.SecretFile == "" {
		return "option secret"
	}
	return c.SecretFile
}

// warnings lists what is legal and seldom meant.
func warnings(c config.Config, environ []string) (all []warning) {
	for _, name := range strangers(environ) {
		all = append(all, warning{"environment", "the variable " + name + " sets nothing",
			"remove it; the variables that exist stand in brackets in config.yaml"})
	}
	if base, err := url.Parse(c.WeChat.BaseURL); err != nil || config.IsLoopback(base.Hostname()) {
		return all // a simulator: it needs no proxy and answers as often as it is asked
	}
	if name := proxyVariable(environ); name != "" && c.WeChat.Proxy == "" {
		saw := "the variable " + name + " is set and wechat.proxy is not: WeChat is asked directly"
		all = append(all, warning{"proxy", saw,
			"set wechat.proxy if WeChat is to be reached through it, as curl would; unset the variable otherwise"})
	}
	return append(all, often(c)...)
}

func proxyVariable(environ []string) string {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value != "" && slices.Contains([]string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}, name) {
			return name
		}
	}
	return ""
}

// often wants the questions of a day to be fewer than WeChat answers: about a
// thousand, of which two dozen an hour are kept for doubtful events. It is no
// error: the daemon lives with what WeChat answers no more.
func often(c config.Config) (all []warning) {
	const day, answered, doubtful = 24 * time.Hour, 1000, 24 * 24
	least := (day / (answered - doubtful)).Round(time.Second)
	warn := func(subject string, every time.Duration) {
		if every < least {
			all = append(all, warning{subject, fmt.Sprintf("%v: up to %d questions a day and %d more after doubtful events, "+
				"of which WeChat answers about %d: then a dead token is noticed hours later", every, day/every, doubtful, answered),
				fmt.Sprintf("set it to %v or more", least)})
		}
	}
	warn("refresh.verify_every", c.Refresh.VerifyEvery)
	for _, credential := range c.Credentials {
		if credential.VerifyEvery != c.Refresh.VerifyEvery {
			warn("verify_every "+credential.Key, credential.VerifyEvery)
		}
	}
	return all
}

// strangers lists the variables that look like ours and set nothing. Those that
// Kubernetes makes for a Service named wxtokend or wxtokend-something are none.
func strangers(environ []string) (names []string) {
	known := config.Variables()
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "WXTOKEND_") && value != "" && !slices.Contains(known, name) && !ofService(name, value) {
			names = append(names, fmt.Sprintf("%.80q", name))
		}
	}
	return names
}

// ofService knows NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_HTTP,
// NAME_PORT with a URL, which a port that somebody wrote is not, and
// NAME_PORT_9477_TCP with what may follow.
func ofService(name, value string) bool {
	_, port, found := strings.Cut(name, "_PORT")
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		found && (strings.Contains(value, "://") || strings.ContainsAny(port, "0123456789"))
}
