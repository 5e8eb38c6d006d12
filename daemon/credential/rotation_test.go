package credential_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/credential"
)

func TestRotation(t *testing.T) {
	from := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"":                                    "0001-01-01T00:00:00Z",
		"30 4 * * *":                          "2026-11-30T04:30:00Z",
		"CRON_TZ=Asia/Shanghai 30 4 * * *":    "2026-11-29T20:30:00Z",
		"TZ=Asia/Shanghai 30 4 * * *":         "2026-11-29T20:30:00Z",
		"@daily":                              "2026-11-30T00:00:00Z",
		"CRON_TZ=Asia/Shanghai @weekly":       "2026-12-05T16:00:00Z",
		"0 */2 * * *":                         "2026-11-29T14:00:00Z",
		"0 4 29 2 *":                          "2028-02-29T04:00:00Z",
		"CRON_TZ=America/New_York 30 2 * * 0": "2026-12-06T07:30:00Z",
		"CRON_TZ=Europe/Berlin 30 2 * * *":    "2026-11-30T01:30:00Z",
		"CRON_TZ=America/New_York 30 1 * * *": "2026-11-30T06:30:00Z",
		"CRON_TZ=Europe/Berlin 0 */2 * * *":   "2026-11-29T13:00:00Z",
	} {
		rotation, err := credential.NewRotation(text)
		if err := errors.Join(err, credential.CheckRotation(text)); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := rotation.Next(from).UTC().Format(time.RFC3339); got != want || rotation.String() != text {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestRotationInAutumn and in spring: no two hours are too near, whatever is done to the clock.
func TestRotationInAutumn(t *testing.T) {
	for text, want := range map[string]int{
		"CRON_TZ=Europe/Berlin 30 2 * * *": 364, "CRON_TZ=America/New_York 30 1 * * *": 365,
		"CRON_TZ=Europe/Berlin 0 */2 * * *": 365*12 - 1, "CRON_TZ=Europe/Berlin 0 1-23/2 * * *": 365*12 - 1,
		"CRON_TZ=Australia/Lord_Howe 45 1 * * *": 365, "CRON_TZ=Antarctica/Troll 30 1 * * *": 365,
		"CRON_TZ=Asia/Shanghai 0 */2 * * *": 365 * 12,
	} {
		rotation, err := credential.NewRotation(text)
		if err := errors.Join(err, credential.CheckRotation(text)); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		at, hours := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), 0
		for end := at.AddDate(1, 0, 0); ; hours++ {
			next := rotation.Next(at)
			if next.After(end) {
				break
			}
			if hours > 0 && next.Sub(at) < 2*time.Hour {
				t.Errorf("%q: %v after %v", text, next, at)
			}
			at = next
		}
		if hours != want {
			t.Errorf("%q: %d hours a year, want %d", text, hours, want)
		}
	}
}

func TestBadRotation(t *testing.T) {
	for text, want := range map[string]string{
		"TZ=0":                           "five fields",
		"TZ=":                            "five fields",
		"CRON_TZ=Asia/Shanghai":          "five fields",
		"CRON_TZ=Asia/Shanghai ":         "five fields",
		"CRON_TZ= 30 4 * * *":            "five fields",
		" ":                              "five fields",
		"@every 3h":                      "five fields",
		"30 4 * *":                       "five fields",
		"0 30 4 * * *":                   "five fields",
		"70 4 * * *":                     "five fields",
		"CANARY":                         "five fields",
		"CRON_TZ=Asia/CANARY 30 4 * * *": "zone",
		"CRON_TZ=0 30 4 * * *":           "zone",
		"CRON_TZ=../CANARY 30 4 * * *":   "zone",
		"* * * * *":                      "at least 2h0m0s",
		"0,30 4 * * *":                   "at least 2h0m0s",
		"0 * * * *":                      "at least 2h0m0s",
		"0 0,1 1 1 *":                    "at least 2h0m0s",
		"0 0,23 * * *":                   "at least 2h0m0s",
		"0 4,5 * * 0":                    "at least 2h0m0s",
		"CRON_TZ=UTC  @every 3h":         "five fields",
		"30 4 * * 7":                     "Sunday is 0",
		"@hourly":                        "at least 2h0m0s",
		"0 4 31 2 *":                     "never comes",
	} {
		err := credential.CheckRotation(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRotation(f *testing.F) {
	for _, text := range []string{"TZ=0", "CRON_TZ=Asia/Shanghai 30 4 * * *", "@daily", "0 */2 * * *",
		"1-0 4 * * *", "0 4 ? * ?"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rotation, err := credential.NewRotation(text)
		if err != nil || credential.CheckRotation(text) != nil {
			return
		}
		at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		for range 5 {
			next := rotation.Next(at)
			if next.IsZero() {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q: %v after %v", text, next, at)
			}
			at = next
		}
	})
}
