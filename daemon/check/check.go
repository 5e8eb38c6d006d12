// Package check looks for what would keep the daemon from its work, before it
// has to work: in the configuration, in Redis, at WeChat.
//
// It is safe beside a running fleet. It writes nothing to Redis, takes no
// lease, tells readers that listen only what they know, and it asks WeChat in
// the one way that replaces no live token. It always ends: each question has the
// configured timeout of its kind. What it prints holds no secret: errors of Redis
// are told in words of our own, WeChat's errmsg is what package wechat has
// cleaned, and of the rest only names are repeated (a version, a policy, an
// appid), with control characters escaped.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"wxtokend/daemon/config"
)

// Options say how far to look. The zero value of each Dial is the real network.
type Options struct {
	// Online asks Redis and WeChat as well.
	Online bool
	// Environ is that of the process, as of os.Environ.
	Environ               []string
	DialRedis, DialWeChat func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Run checks c, which must come from config.Load, and writes what it saw and
// what to do about it. Findings counts what will not work, the lines marked
// FAIL; warnings do not count. The error is one of writing, or the cause why
// ctx ended before the check did.
func Run(ctx context.Context, w io.Writer, c config.Config, o Options) (findings int, err error) {
	r := &report{w: w, count: map[mark]int{}}
	if !o.Online {
		r.printf("# The effective configuration; secrets are not shown.\n")
		r.err = errors.Join(r.err, c.Dump(w))
		r.printf("\n")
	}
	offline(ctx, r, c, o.Environ)
	if o.Online {
		if err := online(ctx, r, c, o); err != nil {
			return r.count[fail], fmt.Errorf("check: %w", err)
		}
	}
	if ctx.Err() != nil {
		return r.count[fail], fmt.Errorf("check: stopped before its end: %w", context.Cause(ctx))
	}
	r.summary()
	return r.count[fail], r.err
}
