package wechat

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
	"unsafe"
)

// sink counts what reaches the network.
type sink struct {
	net.Conn
	writes int
}

func (s *sink) Write(p []byte) (int, error) { s.writes++; return len(p), nil }
func (s *sink) Close() error                { return nil }

// net/http's writer may come to the door after the call was reported as not sent.
func TestDoorStaysShut(t *testing.T) {
	for phase, issued := range map[int32]Issued{
		connecting: NotIssued, securing: NotIssued, ready: NotIssued, sent: MaybeIssued,
	} {
		f, network := &flight{deadline: time.Now().Add(time.Hour)}, &sink{}
		f.phase.Store(phase)
		if got := f.failed(t.Context(), io.EOF).Issued; got != issued {
			t.Errorf("phase %d: issued %s", phase, got)
		}
		_, err := (&guardedConn{network, f}).Write([]byte("GET"))
		if network.writes != 0 || err == nil {
			t.Errorf("phase %d: %d writes, %v", phase, network.writes, err)
		}
	}
}

// From the first byte on, the request counts as sent, even if that byte gets nowhere.
func TestFirstWriteIsTheRequest(t *testing.T) {
	f, network := &flight{deadline: time.Now().Add(time.Hour)}, &sink{}
	conn := &guardedConn{network, f}
	for phase, want := range map[int32]int32{securing: securing, ready: sent} {
		f.phase.Store(phase)
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if got := f.phase.Load(); got != want {
			t.Errorf("a write in phase %d leads to %d", phase, got)
		}
	}
}

func TestLateWrite(t *testing.T) {
	f, network := &flight{deadline: time.Now()}, &sink{}
	f.phase.Store(ready)
	_, err := (&guardedConn{network, f}).Write([]byte("x"))
	if !errors.Is(err, os.ErrDeadlineExceeded) || network.writes != 0 || f.phase.Load() != ready {
		t.Errorf("%v, %d writes, phase %d", err, network.writes, f.phase.Load())
	}
}

// A suspended machine wakes up with an old monotonic clock and a new wall clock.
func TestPassed(t *testing.T) {
	now := time.Now()
	deadline := now.Add(5 * time.Second)
	awake := now
	*(*uint64)(unsafe.Pointer(&awake)) += 3600 << 30 // the seconds of the wall clock, see package time
	if awake.Sub(now) != 0 || awake.Round(0).Sub(now.Round(0)) != time.Hour {
		t.Fatal("time.Time has changed its layout")
	}
	for name, test := range map[string]struct {
		now  time.Time
		want bool
	}{
		"before":          {now, false},
		"a moment before": {deadline.Add(-1), false},
		"at":              {deadline, true},
		"after":           {deadline.Add(time.Hour), true},
		"after a suspend": {awake, true},
	} {
		if got := passed(test.now, deadline); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
