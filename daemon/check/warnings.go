package check

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/layout"
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
		text, err := credential.ReadSecret(ctx)
		if w := notAnAppSecret(credential, text); err == nil && w.saw != "" {
			warnings = append(warnings, w)
		}
	}
	for _, w := range warnings[:min(most, len(warnings))] {
		log.Warn(w.saw, "subject", w.subject, "cure", w.cure)
	}
	if more := len(warnings) - most; more > 0 {
		log.Warn("there are more warnings about the configuration", "more", more, "cure", "wxtokend check lists them")
	}
}

// notAnAppSecret warns of what does not look like one. It is the zero warning for
// what does.
func notAnAppSecret(c config.Credential, text secret.Secret) warning {
	if form := c.Form(); form.AtWeCom && len(text) >= 40 || form.Parent != "" {
		return warning{}
	}
	if c.Form().AtWeCom {
		saw := fmt.Sprintf("from %s: %d byte(s), where the secrets of WeCom have 43", source(c), len(text))
		return warning{"secret " + c.Key, saw,
			"compare it with the page of the app in the console of WeCom: look for a cut end"}
	}
	if len(text) == 32 && strings.Trim(text.Reveal(), "0123456789abcdef") == "" {
		return warning{}
	}
	saw := fmt.Sprintf("from %s: not 32 hex digits as WeChat's AppSecrets are, but %d byte(s)", source(c), len(text))
	return warning{"secret " + c.Key, saw,
		"compare it with the developer page of the account: look for capital letters, spaces, quotes or a cut end"}
}

func source(c config.Credential) string {
	if c.SecretFile == "" {
		return "option secret"
	}
	return c.SecretFile
}

// ofService knows the variables that Kubernetes makes for a Service named
// wxtokend or wxtokend-something. A port that somebody wrote has no scheme.
var ofService = regexp.MustCompile(`^WXTOKEND_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=|PORT=\w+://|PORT_\d+_\w+=)`)

// warnings lists what is legal and seldom meant.
func warnings(c config.Config, environ []string) (all []warning) {
	known, proxies := config.Variables(), []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}
	base, _ := url.Parse(c.WeChat.BaseURL)
	// It needs no proxy and answers as often as it is asked.
	simulator := config.IsLoopback(base.Hostname())
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case value == "":
		case strings.HasPrefix(name, "WXTOKEND_") && !slices.Contains(known, name) && !ofService.MatchString(entry):
			all = append(all, warning{"environment", fmt.Sprintf("the variable %.80q sets nothing", name),
				"remove it; the variables that exist stand in brackets in config.yaml"})
		case slices.Contains(proxies, name) && c.WeChat.Proxy == "" && !simulator:
			saw := "the variable " + name + " is set and wechat.proxy is not: WeChat is asked directly"
			all = append(all, warning{"proxy", saw,
				"set wechat.proxy if WeChat is to be reached through it, as curl would; unset the variable otherwise"})
		}
	}
	all = append(all, tooLate(c)...)
	if simulator {
		return all
	}
	return append(all, tooManyQuestions(c)...)
}

// tooLate wants a token to be replaced before a reader draws one of its own.
func tooLate(c config.Config) (all []warning) {
	for _, one := range c.Credentials {
		for _, t := range one.Targets {
			if draws := (layout.Target{Layout: t.Layout}).Draws(); one.Ahead <= draws {
				saw := fmt.Sprintf("%v: %s draws its own up to %v before the end", one.Ahead, t.Layout, draws)
				all = append(all, warning{"ahead " + one.Key, saw, fmt.Sprintf("set it to more than %v", draws)})
			}
		}
	}
	return all
}

// tooManyQuestions wants the questions of a day to be fewer than WeChat answers:
// about a thousand, of which two dozen an hour are kept for doubtful events. It
// is no error: the daemon lives with what WeChat answers no more.
func tooManyQuestions(c config.Config) (all []warning) {
	const day, answered, doubtful = 24 * time.Hour, 1000, 24 * 24
	least := (day / (answered - doubtful)).Round(time.Second)
	told := map[time.Duration]bool{}
	for _, one := range c.Credentials {
		if every := one.VerifyEvery; one.Traits().Verifiable && every < least && !told[every] {
			told[every] = true
			saw := fmt.Sprintf("%v: up to %d questions a day and %d more after doubtful events, of which WeChat answers "+
				"about %d: then a dead token is noticed hours later", every, day/every, doubtful, answered)
			all = append(all, warning{"verify_every " + one.Key, saw, fmt.Sprintf("set it to %v or more", least)})
		}
	}
	return all
}
