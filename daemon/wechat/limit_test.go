package wechat_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxtokend/daemon/wechat"
)

// crowd counts the requests that are under way at once. Each takes a second.
type crowd struct{ now, most atomic.Int32 }

func (c *crowd) answer(conn net.Conn) {
	if now := c.now.Add(1); now > c.most.Load() {
		c.most.Store(now)
	}
	time.Sleep(time.Second)
	c.now.Add(-1)
	say(httpOK(granted))(conn)
}

func TestMaxCalls(t *testing.T) {
	for limit, want := range map[int]struct {
		most int32
		took time.Duration
	}{
		0: {10, time.Second},
		3: {3, 4 * time.Second},
		1: {1, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var served crowd
			b := newBench(t, served.answer)
			c := client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: b.ln.Dial, MaxCalls: limit})
			start := time.Now()
			var calls sync.WaitGroup
			for i := range 10 {
				calls.Go(func() {
					api := []wechat.API{wechat.Stable, wechat.Classic}[i%2]
					if _, err := mint(within(t), c, api); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			if most, took := served.most.Load(), time.Since(start); most != want.most || took != want.took {
				t.Errorf("limit %d: %d at once in %v", limit, most, took)
			}
		})
	}
}

// What waits in vain was never sent, and what fails makes room for the next.
func TestWaitingForATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, silence)
		c := client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: b.ln.Dial, MaxCalls: 1})
		start := time.Now()
		var calls sync.WaitGroup
		defer calls.Wait()
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			if e := failure(t, c.Verify(ctx, canaryToken)); e.Issued != wechat.MaybeIssued {
				t.Errorf("the first: %#v", e)
			}
		})
		synctest.Wait()

		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		cancelled, stop := context.WithTimeout(t.Context(), timeout)
		time.AfterFunc(2*time.Second, stop)
		for _, test := range []struct {
			ctx   context.Context
			cause error
			after time.Duration
		}{
			{late, context.DeadlineExceeded, time.Second},
			{cancelled, context.Canceled, 2 * time.Second},
		} {
			_, err := mint(test.ctx, c, wechat.Classic)
			e := failure(t, err)
			if e.Class != wechat.ClassTransport || e.Issued != wechat.NotIssued || e.Left() || !errors.Is(err, test.cause) ||
				!strings.HasPrefix(e.Message, "the request was not sent: its time ended while it waited") || time.Since(start) != test.after {
				t.Errorf("%v after %v: %#v", test.cause, time.Since(start), e)
			}
		}
		if n := b.requests.Load(); n != 1 {
			t.Errorf("%d requests arrived", n)
		}

		_, err := mint(within(t), c, wechat.Classic) // its turn comes when the first has timed out
		if e := failure(t, err); e.Issued != wechat.MaybeIssued || time.Since(start) != 32*time.Second || b.requests.Load() != 2 {
			t.Errorf("after %v: %#v", time.Since(start), e)
		}
	})
}

// WeChat's clock is known from every answer of its own, and from no other.
func TestClock(t *testing.T) {
	const skew = -3 * time.Minute
	dated := func(status int, body string) func(net.Conn) {
		return func(conn net.Conn) {
			time.Sleep(time.Second)
			date := time.Now().Add(skew).UTC().Format(http.TimeFormat)
			time.Sleep(time.Second)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d x\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s", status, date, len(body), body)
		}
	}
	for name, test := range map[string]struct {
		script func(net.Conn)
		told   bool
	}{
		"a token":       {dated(200, granted), true},
		"a verdict":     {dated(200, `{"ip_list":[]}`), true},
		"an errcode":    {dated(200, `{"errcode":48001,"errmsg":"api unauthorized"}`), true},
		"a gateway":     {dated(502, granted), false},
		"a login page":  {dated(200, "<html>"), false},
		"no date":       {say(httpOK(granted)), false},
		"no answer":     {func(net.Conn) {}, false},
		"a broken date": {say("HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: " + fmt.Sprint(len(granted)) + "\r\n\r\n" + granted), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, test.script)
			var told []time.Duration
			c := client(t, wechat.Options{BaseURL: "http://10.0.0.1", DialContext: slowly(b), Clock: func(ahead time.Duration) { told = append(told, ahead) }})
			if name == "a verdict" {
				_ = c.Verify(within(t), canaryToken)
			} else {
				_, _ = mint(within(t), c, wechat.Classic)
			}
			// The half second is what a Date leaves out, on average.
			if len(told) != btoi(test.told) || test.told && told[0] != skew+time.Second/2 {
				t.Errorf("%s: told %v", name, told)
			}
		})
	}
}

// slowly takes long to connect, which says nothing about any clock.
func slowly(b *bench) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		time.Sleep(3 * time.Second)
		return b.ln.Dial(ctx, network, addr)
	}
}
