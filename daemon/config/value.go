package config

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// checks are what the tag is can name; any other lists the legal words. Each
// says in its error what is legal and repeats nothing: what stands in the wrong
// place is a password often enough.
var checks = map[string]func(text string) error{
	"":              func(string) error { return nil },
	"account":       checkAccount,
	"address":       checkAddress,
	"backoff":       durationTo(store.LongestBackoff),
	"base url":      checkBaseURL,
	"consumer name": checkConsumerName,
	"count":         numberFrom(1, 999_999_999),
	"database":      numberFrom(0, 1<<16-1),
	"duration":      durationTo(longestDuration),
	"format":        func(text string) error { return oneOf(formats())(text) },
	"key":           checkKey,
	"kind":          func(text string) error { return oneOf(kinds())(text) },
	"lease":         durationTo(store.LongestLease),
	"listen":        CheckListen,
	"mode":          checkMode,
	"origin":        checkOrigin,
	"proxy url":     checkProxy,
	"redis url":     store.CheckURL,
	"rotation":      credential.CheckRotation,
	"sha256":        checkSHA256,
	"utc offset":    checkUTCOffset,
	"verify":        durationTo(store.LongestVerify),
	"visible":       checkVisible,
}

// longestDuration keeps sums of durations far from an overflow.
const longestDuration = 365 * 24 * time.Hour

// set stores text, as it is written in the file or the environment, in v, whose
// tag is says what it must be.
func set(v reflect.Value, is, text string) error {
	if err := secret.Flaw(text); err != nil && text != "" {
		return err
	}
	if v.Type() != reflect.TypeFor[secret.Secret]() && strings.TrimSpace(text) != text {
		return errors.New("must not begin or end with a blank")
	}
	check, named := checks[is]
	if !named {
		check = oneOf(strings.Fields(is))
	}
	if err := check(text); err != nil {
		return err
	}
	// It has been checked: nothing fails from here on.
	switch p := v.Addr().Interface().(type) {
	case *int:
		*p, _ = strconv.Atoi(text)
	case *bool:
		*p = text == "true"
	case *time.Duration:
		*p, _ = time.ParseDuration(text)
	default:
		v.SetString(text)
	}
	return nil
}

// oneOf takes one of the words, two at least.
func oneOf(words []string) func(string) error {
	return func(text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		last := len(words) - 1
		return fmt.Errorf("must be %s or %s", strings.Join(words[:last], ", "), words[last])
	}
}

// durationTo takes what Redis can count: it knows nothing finer than a millisecond.
func durationTo(longest time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("must be a duration with a unit, such as 500ms, 30s or 5m")
		}
		if d < time.Millisecond || d > longest || d%time.Millisecond != 0 {
			return fmt.Errorf("must be from 1ms to %v in whole milliseconds", longest)
		}
		return nil
	}
}

// numberFrom takes no leading zero: one reader would take 010 for ten, another for eight.
func numberFrom(low, high int) func(string) error {
	return func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < low || n > high || strconv.Itoa(n) != text {
			return fmt.Errorf("must be a whole number from %d to %d", low, high)
		}
		return nil
	}
}

func checkKey(text string) error {
	if _, err := store.NewKeys(text); err != nil {
		return err
	}
	if text == "." || text == ".." {
		return errors.New("must not be . or ..: these are directories in the path of a URL, so no request could name the key")
	}
	return checkVisible(text)
}

func kinds() (names []string) {
	for _, form := range credential.Kinds() {
		names = append(names, form.Kind)
	}
	return names
}

// checkAccount takes what WeCom calls its corps and agents.
func checkAccount(text string) error {
	if strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return errors.New("must be of letters and digits, as in the console of WeCom")
	}
	return nil
}

// checkVisible keeps out what makes one name look like another.
func checkVisible(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return errors.New("must not contain an invisible character")
	}
	return nil
}

// checkUTCOffset takes -0000 too, the mark of a time without a zone in the
// dates that .NET writes.
func checkUTCOffset(text string) error {
	if _, err := time.Parse("-0700", text); err != nil {
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
