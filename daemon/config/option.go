package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"wxtokend/daemon/secret"
)

// option is one name of the configuration, bound to its place in a Config.
// A scalar has set and show; a mapping and a list have grow and parts.
type option struct {
	name  string
	kind  yaml.Kind
	bare  bool                    // a number or boolean: quotes would make it a text
	set   func(text string) error // the text as written; the error says what is legal
	show  func() string           // for people, never a secret; "" = not set
	grow  func(n int)             // makes room for n parts before they are read
	parts func() []option
}

// section is a mapping that is always there.
func section(name string, parts ...option) option {
	return option{name: name, kind: yaml.MappingNode, grow: func(int) {}, parts: func() []option { return parts }}
}

// optional is a mapping that stays nil unless it is written.
func optional[T any](name string, p **T, parts func(*T) []option) option {
	return option{name: name, kind: yaml.MappingNode, grow: func(int) { *p = new(T) }, parts: func() []option {
		if *p == nil {
			return nil
		}
		return parts(*p)
	}}
}

// list is a list of items that begin as blank.
func list[T any](name string, p *[]T, blank func() T, item func(*T) option) option {
	grow := func(n int) {
		*p = make([]T, n)
		for i := range *p {
			(*p)[i] = blank()
		}
	}
	return option{name: name, kind: yaml.SequenceNode, grow: grow, parts: func() []option {
		items := make([]option, len(*p))
		for i := range *p {
			items[i] = item(&(*p)[i])
		}
		return items
	}}
}

// addresses is a list of host:port.
func addresses(name string, p *[]string) option {
	blank := func() string { return "" }
	return list(name, p, blank, func(address *string) option { return text("", address, checkAddress) })
}

func scalar(name string, set func(string) error, show func() string) option {
	return option{name: name, kind: yaml.ScalarNode, set: set, show: show}
}

// text is taken as written, if each check agrees.
func text(name string, p *string, checks ...func(string) error) option {
	return scalar(name, func(text string) error {
		for _, check := range checks {
			if err := check(text); err != nil {
				return err
			}
		}
		*p = text
		return nil
	}, func() string { return *p })
}

// hidden is a secret: no message and no page shows more than that it is set.
func hidden(name string, p *secret.Secret) option {
	return scalar(name, func(text string) error {
		*p = secret.Secret(text)
		return nil
	}, func() string {
		if *p == "" {
			return ""
		}
		return p.String()
	})
}

// hiddenURL shows its address without the user part: of two operators who put
// a password there, one writes it where the name belongs.
func hiddenURL(name string, p *secret.Secret, check func(string) error) option {
	o := hidden(name, p)
	store := o.set
	o.set = func(text string) error {
		if err := check(text); err != nil {
			return err
		}
		return store(text)
	}
	o.show = func() string {
		u, err := url.Parse(p.Reveal())
		if err != nil {
			return p.String()
		}
		if u.User != nil {
			u.User = url.User("redacted")
		}
		return u.String()
	}
	return o
}

// level is a level of the log.
func level(name string, p *slog.Level) option {
	known := oneOf("debug", "info", "warn", "error") // slog itself would take warn+3
	return scalar(name, func(text string) error {
		if err := known(text); err != nil {
			return err
		}
		return p.UnmarshalText([]byte(text))
	}, func() string { return strings.ToLower(p.String()) })
}

// maxDuration keeps sums of durations far from an overflow.
const maxDuration = 365 * 24 * time.Hour

// duration is a Go duration. Zero is no legal value, so it shows as unset.
func duration(name string, p *time.Duration) option {
	return scalar(name, func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be a duration with a unit, such as 500ms, 30s or 5m%s", got(text))
		}
		// Redis counts in milliseconds, a finer time would not survive it.
		if d < time.Millisecond || d > maxDuration || d%time.Millisecond != 0 {
			return fmt.Errorf("must be from 1ms to 8760h in whole milliseconds%s", got(text))
		}
		*p = d
		return nil
	}, func() string {
		if *p == 0 {
			return ""
		}
		return p.String()
	})
}

// number is a count from one up.
func number(name string, p *int) option {
	// No leading zero: one reader would take 010 for ten, another for eight.
	digits := regexp.MustCompile(`^[1-9][0-9]{0,8}$`)
	o := scalar(name, func(text string) error {
		if !digits.MatchString(text) {
			return fmt.Errorf("must be a whole number from 1 to 999999999%s", got(text))
		}
		n, err := strconv.Atoi(text)
		*p = n
		return err
	}, func() string { return strconv.Itoa(*p) })
	o.bare = true
	return o
}

// boolean is true or false, not the yes and on of older YAML: those are texts
// for one reader and booleans for the next.
func boolean(name string, p *bool) option {
	o := scalar(name, func(text string) error {
		if text != "true" && text != "false" {
			return errors.New("must be true or false" + got(text))
		}
		*p = text == "true"
		return nil
	}, func() string { return strconv.FormatBool(*p) })
	o.bare = true
	return o
}

// oneOf checks that a text is one of the allowed words, two at least.
func oneOf(allowed ...string) func(string) error {
	return func(text string) error {
		if slices.Contains(allowed, text) {
			return nil
		}
		last := len(allowed) - 1
		return fmt.Errorf("must be %s or %s%s", strings.Join(allowed[:last], ", "), allowed[last], got(text))
	}
}

// longestEcho bounds what a message repeats: no legal value of an option that
// is repeated is longer, but an AppSecret on the wrong line is (32 characters).
const longestEcho = 20

// got quotes a wrong value.
func got(text string) string {
	if len(text) > longestEcho {
		return ""
	}
	return fmt.Sprintf(", got %q", text)
}
