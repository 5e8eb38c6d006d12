package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// WeChat counts a day's calls from midnight to midnight in UTC+8.
func TestDay(t *testing.T) {
	for _, tt := range []struct {
		at   string
		day  int64
		next string
	}{
		{"2026-11-23T15:59:59.999Z", 20780, "2026-11-23T16:00:00Z"}, // 23:59:59.999 in China
		{"2026-11-23T16:00:00Z", 20781, "2026-11-24T16:00:00Z"},
		{"2026-11-23T16:00:00.001Z", 20781, "2026-11-24T16:00:00Z"},
		{"2026-11-24T00:00:00+08:00", 20781, "2026-11-24T16:00:00Z"},
		{"2026-11-23T23:59:59+08:00", 20780, "2026-11-23T16:00:00Z"},
		{"2024-02-29T12:00:00+08:00", 19782, "2024-02-29T16:00:00Z"},
		{"1970-01-01T00:00:00Z", 0, "1970-01-01T16:00:00Z"},
		{"1970-01-01T00:00:00+08:00", 0, "1970-01-01T16:00:00Z"},
		{"1969-12-31T15:59:59Z", -1, "1969-12-31T16:00:00Z"},
		{"1969-12-31T15:59:59.5Z", -1, "1969-12-31T16:00:00Z"},
		{"1969-12-30T16:00:00Z", -1, "1969-12-31T16:00:00Z"},
		{"1969-12-30T15:59:59Z", -2, "1969-12-30T16:00:00Z"},
	} {
		t.Run(tt.at, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			check(t, "day", store.Day(at), tt.day)
			check(t, "next day", store.NextDay(at).Format(time.RFC3339Nano), tt.next)
			check(t, "day of the next day", store.Day(store.NextDay(at)), tt.day+1)
		})
	}
}

func TestLive(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name    string
		token   secret.Token
		expires time.Time
		refused string
		want    bool
	}{
		{"usable", token(1), now.Add(time.Millisecond), "", true},
		{"another one was refused", token(1), now.Add(time.Hour), token(2).Fingerprint(), true},
		{"over at this instant", token(1), now, "", false},
		{"over", token(1), now.Add(-time.Hour), "", false},
		{"refused", token(1), now.Add(time.Hour), token(1).Fingerprint(), false},
		{"none", "", now.Add(time.Hour), "", false},
		{"none, and another one was refused", "", now.Add(time.Hour), token(2).Fingerprint(), false},
		{"no state at all", "", time.Time{}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := store.State{Token: tt.token, ExpiresAt: tt.expires, Refused: tt.refused}
			check(t, "live", s.Live(now), tt.want)
		})
	}
}
