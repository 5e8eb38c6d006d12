package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// maxDuration keeps sums of durations far from an overflow.
const maxDuration = 365 * 24 * time.Hour

// set stores text, as it is written in the file or the environment, in the
// field that target points to.
func (l *loader) set(path string, target any, is, text string) {
	if err := set(target, is, text); err != nil {
		l.fail(path, "%s", err)
	}
}

// set says what is legal in its error and repeats nothing: what stands in the
// wrong place is a password often enough.
func set(target any, is, text string) error {
	if err := secret.Flaw(text); err != nil && text != "" {
		return err
	}
	if _, hidden := target.(*secret.Secret); !hidden && strings.TrimSpace(text) != text {
		return errors.New("must not begin or end with a blank")
	}
	if err := check(is, text); err != nil {
		return err
	}
	switch p := target.(type) {
	case *string:
		*p = text
	case *secret.Secret:
		*p = secret.Secret(text)
	case *slog.Level:
		return p.UnmarshalText([]byte(text)) // alone it would take warn+3
	case *int:
		n, err := strconv.Atoi(text)
		*p = n
		return err
	case *bool: // not the yes and on of older YAML: texts for one reader, booleans for the next
		*p = text == "true"
		return oneOf("true false", text)
	case *time.Duration:
		return setDuration(p, text)
	}
	return nil
}

func setDuration(p *time.Duration, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("must be a duration with a unit, such as 500ms, 30s or 5m")
	}
	// Redis counts in milliseconds, a finer time would not survive it.
	if d < time.Millisecond || d > maxDuration || d%time.Millisecond != 0 {
		return errors.New("must be from 1ms to 8760h in whole milliseconds")
	}
	*p = d
	return nil
}

// check compares text with the tag is: the name of a check or the legal words.
func check(is, text string) error {
	switch is {
	case "":
		return nil
	case "listen":
		return CheckListen(text)
	case "address":
		return checkAddress(text)
	case "redis url":
		return store.CheckURL(text)
	case "base url":
		return checkBaseURL(text)
	case "proxy url":
		return checkProxy(text)
	case "count":
		return checkNumber(text, 1, 999_999_999)
	case "database":
		return checkNumber(text, 0, 1<<16-1)
	case "key":
		return checkKey(text)
	case "visible":
		return checkVisible(text)
	case "utc offset":
		return checkUTCOffset(text)
	}
	return oneOf(is, text)
}

// oneOf checks that text is one of the words, two at least.
func oneOf(words, text string) error {
	allowed := strings.Fields(words)
	if slices.Contains(allowed, text) {
		return nil
	}
	last := len(allowed) - 1
	return fmt.Errorf("must be %s or %s", strings.Join(allowed[:last], ", "), allowed[last])
}

// checkNumber takes no leading zero: one reader would take 010 for ten, another for eight.
func checkNumber(text string, low, high int) error {
	if n, err := strconv.Atoi(text); err != nil || n < low || n > high || strconv.Itoa(n) != text {
		return fmt.Errorf("must be a whole number from %d to %d", low, high)
	}
	return nil
}

// checkKey leaves the rule about braces to the package that derives the keys.
func checkKey(text string) error {
	if _, err := store.NewKeys(text); err != nil {
		return errors.New("must be a Redis key that is not empty, without braces or with exactly one {tag} that is not empty")
	}
	if text == "." || text == ".." {
		return errors.New("must not be . or ..: these are directories in the path of a URL, so no request could name the key")
	}
	return checkVisible(text)
}

// checkVisible keeps out what makes one name look like another.
func checkVisible(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return errors.New("must not contain an invisible character")
	}
	return nil
}

// checkUTCOffset accepts -0000 too, the mark of a time without a zone in the
// dates that .NET writes. No zone is more than 14 hours away from UTC.
func checkUTCOffset(text string) error {
	digits := strings.TrimLeft(text, "+-")
	zone, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || len(text) != 5 || len(digits) != 4 || zone > 1459 || zone%100 > 59 {
		return errors.New(`must be an offset such as "+0800" or "-0000"`)
	}
	return nil
}

// CheckListen says what is wrong with an address to listen on. It wants a number
// as port, 0 included: tests let the system choose.
func CheckListen(text string) error {
	if _, port, err := net.SplitHostPort(text); err != nil || !store.IsPort(port) {
		return errors.New(`must be host:port, such as ":9477" or "127.0.0.1:9477"`)
	}
	return nil
}

// checkAddress refuses a whole URL, which may hold a password.
func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(host, "@/") || !store.IsPort(port) {
		return errors.New("must be host:port, without a scheme and without a password")
	}
	return nil
}
