package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/config"
)

// reader is who reads a log.
type reader struct {
	// What each line takes him.
	pace time.Duration
	// Closed when he reads on; nil while he does not stall.
	stalls chan struct{}
	gone   error

	mu   sync.Mutex
	read []string
}

func (r *reader) Write(line []byte) (int, error) {
	time.Sleep(r.pace)
	if r.stalls != nil {
		<-r.stalls
	}
	if r.gone != nil {
		return 0, r.gone
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = append(r.read, string(line))
	return len(line), nil
}

// log writes the numbered lines, each in no time at all.
func log(t *testing.T, s *spool, from, to int) (lines []string) {
	t.Helper()
	began := time.Now()
	for i := from; i < to; i++ {
		line := fmt.Sprintf("line %d\n", i)
		lines = append(lines, line)
		if n, err := fmt.Fprint(s, line); n != len(line) || err != nil {
			t.Fatalf("wrote %d bytes, %v", n, err)
		}
	}
	if took := time.Since(began); took != 0 {
		t.Errorf("whoever logged waited for %s", took)
	}
	return lines
}

func expect(t *testing.T, r *reader, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Equal(r.read, want) {
		return
	}
	for i := range max(len(want), len(r.read)) {
		if i >= len(want) || i >= len(r.read) || want[i] != r.read[i] {
			t.Fatalf("%d lines, want %d; from line %d on: %.200q, want %.200q", len(r.read), len(want), i,
				r.read[min(i, len(r.read)):], want[min(i, len(want)):])
		}
	}
}

func asJSON(w io.Writer) slog.Handler {
	return format(w, config.Log{Level: "error", Format: "auto"})(w)
}

// start2000 is when the bubble of a test begins.
func start2000() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Local() }

// lost is the line about n lines.
func lost(n int) string {
	return fmt.Sprintf(`{"time":%q,"level":"WARN",`+
		`"msg":"lines of the log are lost: nobody read them in time","lines":%d}`+"\n", start2000().Format(time.RFC3339), n)
}

// TestReaderStalls: twice, and each time all that fits and the number of those
// that do not come in their order.
func TestReaderStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalls: make(chan struct{})}
		s := newSpool(r, asJSON)
		want := log(t, s, 0, 1)
		synctest.Wait() // it is on its way to the reader, and waits no more
		want = append(want, log(t, s, 1, 1+mostLines)...)
		log(t, s, 1+mostLines, 4+mostLines)
		want = append(want, lost(3))
		expect(t, r)
		close(r.stalls)
		synctest.Wait()
		expect(t, r, want...)

		want = append(want, log(t, s, 0, 1)...)
		synctest.Wait()
		expect(t, r, want...)
		r.stalls = make(chan struct{})
		want = append(want, log(t, s, 1, 2)...)
		synctest.Wait()
		want = append(want, log(t, s, 2, 2+mostLines)...)
		log(t, s, 2+mostLines, 3+mostLines)
		close(r.stalls)
		s.close()
		expect(t, r, append(want, lost(1))...)
	})
}

// TestNothingOvertakes what is lost, or nobody would see where lines are missing.
func TestNothingOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalls: make(chan struct{})}
		s := newSpool(r, asJSON)
		want := log(t, s, 0, 1)
		synctest.Wait()
		for range 4 {
			long := strings.Repeat("x", mostBytes/4)
			_, _ = fmt.Fprint(s, long)
			want = append(want, long)
		}
		log(t, s, 1, 2)
		r.stalls <- struct{}{}
		r.stalls <- struct{}{}
		synctest.Wait()
		log(t, s, 2, 3) // for which there is room, but two that waited still do
		close(r.stalls)
		synctest.Wait()
		want = append(want, lost(2))
		expect(t, r, want...)
		want = append(want, log(t, s, 3, 4)...)
		s.close()
		expect(t, r, want...)
	})
}

// TestTooLongALine is lost at once, and said.
func TestTooLongALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{}
		s := newSpool(r, asJSON)
		_, _ = fmt.Fprint(s, strings.Repeat("x", mostBytes+1))
		s.close()
		expect(t, r, lost(1))
	})
}

// TestReaderKeepsUp: what was read leaves its room to others.
func TestReaderKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{}
		s := newSpool(r, asJSON)
		var want []string
		for range 5 {
			want = append(want, log(t, s, 1, mostLines)...)
			want = append(want, strings.Repeat("x", mostBytes/2))
			_, _ = fmt.Fprint(s, want[len(want)-1])
			synctest.Wait()
		}
		s.close()
		expect(t, r, want...)
	})
}

// TestLossIsSaidInText where the log is text.
func TestLossIsSaidInText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{}
		s := newSpool(r, format(r, config.Log{Level: "info", Format: "text"}))
		_, _ = fmt.Fprint(s, strings.Repeat("x", mostBytes+1))
		s.close()
		expect(t, r, "time="+start2000().Format("2006-01-02T15:04:05.000Z07:00")+" level=WARN "+
			"msg=\"lines of the log are lost: nobody read them in time\" lines=1\n")
	})
}

// TestEndOfTheLog waits for a slow reader, but for none that stalls.
func TestEndOfTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		pace   time.Duration
		stalls bool
		gone   error
		read   int
		took   time.Duration
	}{
		"slow":    {pace: 90 * time.Millisecond, read: 10, took: 900 * time.Millisecond},
		"slower":  {pace: 190 * time.Millisecond, read: 5, took: time.Second},
		"stalled": {stalls: true, took: time.Second},
		"gone":    {gone: errors.New("broken pipe")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &reader{pace: c.pace, gone: c.gone}
				if c.stalls {
					r.stalls = make(chan struct{})
				}
				s := newSpool(r, asJSON)
				want := log(t, s, 0, 10)
				began := time.Now()
				s.close()
				if took := time.Since(began); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				expect(t, r, want[:c.read]...)
				log(t, s, 10, 11) // of somebody who has not heard of the end
				if c.stalls {
					close(r.stalls)
				}
				<-s.ended
				if c.gone == nil {
					expect(t, r, want...)
				}
			})
		})
	}
}

// TestReaderIsBack: a write that failed is not the last one.
func TestReaderIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{gone: errors.New("no space left on device")}
		s := newSpool(r, asJSON)
		log(t, s, 0, 3)
		synctest.Wait()
		r.gone = nil
		want := log(t, s, 3, 4)
		s.close()
		expect(t, r, want...)
	})
}

// TestManyLog at once: whole lines, each goroutine's in its order, and all
// others are counted.
func TestManyLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{pace: time.Microsecond}
		s := newSpool(r, format(r, config.Log{Level: "info"}))
		log := slog.New(s.format(s))
		const goroutines, each = 8, 2000
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for i := range each {
					log.Info("said", "by", g, "number", i)
				}
			})
		}
		all.Wait()
		s.close()
		next := make([]int, goroutines)
		got := 0
		for _, line := range r.read {
			var by, number, missing int
			_, text, _ := strings.Cut(line, `"level":`)
			if n, _ := fmt.Sscanf(text, `"INFO","msg":"said","by":%d,"number":%d}`, &by, &number); n == 2 {
				if number < next[by] {
					t.Fatalf("%d of %d came after %d", number, by, next[by]-1)
				}
				next[by] = number + 1
				got++
			} else if n, _ := fmt.Sscanf(text, `"WARN","msg":"lines of the log are lost: nobody read them in time","lines":%d}`,
				&missing); n == 1 {
				got += missing
			} else {
				t.Fatalf("%q", line)
			}
		}
		if got != goroutines*each {
			t.Errorf("%d lines came or are counted, want %d", got, goroutines*each)
		}
	})
}
