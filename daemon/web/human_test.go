package web

import (
	"strings"
	"testing"
	"time"
)

func TestHumane(t *testing.T) {
	tests := map[string]string{
		"0s": "0s", "999ms": "0s", "1s": "1s", "59.9s": "59s",
		"1m": "1m", "4m30s": "4m30s", "59m59.9s": "59m59s",
		"1h": "1h", "1h0m59s": "1h", "1h52m7s": "1h52m", "23h59m59s": "23h59m",
		"24h": "1d", "24h59m": "1d", "76h30m": "3d4h", "720h": "30d",
		"-3m12s": "3m12s", "-1ms": "0s",
	}
	for text, want := range tests {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := humane(d); got != want {
			t.Errorf("humane(%s) = %s, want %s", text, got, want)
		}
	}
}

// Whatever the duration, the text is short, and reading it back gives a
// duration that is at most one small unit off.
func FuzzHumane(f *testing.F) {
	for _, d := range []time.Duration{0, time.Second, time.Minute, 3599 * time.Second, 26 * time.Hour, 1<<63 - 1,
		-1 << 63} {
		f.Add(int64(d))
	}
	f.Fuzz(func(t *testing.T, n int64) {
		d := time.Duration(n).Abs()
		text := humane(time.Duration(n))
		if len(text) > len("106751d23h") {
			t.Fatalf("humane(%v) = %q", d, text)
		}
		if strings.Contains(text, "d") {
			// ParseDuration has no days.
			return
		}
		back, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("humane(%v) = %q: %v", d, text, err)
		}
		step := time.Second
		if d >= time.Hour {
			step = time.Minute
		}
		if back > d || d-back >= step {
			t.Errorf("humane(%v) = %q", d, text)
		}
	})
}

func TestRelativeAndDueWords(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		off           time.Duration
		relative, due string
	}{
		{time.Hour + 52*time.Minute, "in 1h52m", "in 1h52m"},
		{time.Second, "in 1s", "in 1s"},
		{999 * time.Millisecond, "now", "now"},
		{0, "now", "now"},
		{-999 * time.Millisecond, "now", "now"},
		{-time.Second, "1s ago", "now"},
		{-25 * time.Hour, "1d1h ago", "now"},
	}
	for _, tt := range tests {
		at := now.Add(tt.off)
		if got := relative(&at, &now); got != tt.relative {
			t.Errorf("relative(%v) = %q, want %q", tt.off, got, tt.relative)
		}
		if got := dueWords(&at, &now); got != tt.due {
			t.Errorf("dueWords(%v) = %q, want %q", tt.off, got, tt.due)
		}
	}
	if relative(nil, &now)+relative(&now, nil)+dueWords(nil, &now)+dueWords(&now, nil) != "" {
		t.Error("words for a time that is not known")
	}
}
