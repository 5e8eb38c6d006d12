package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// LongestValue is the length in bytes beyond which no value under a key can be
// a token of ours; the scripts have the same figure.
const LongestValue = 4096

// ErrLong is a value that is longer than LongestValue; none of it was kept.
var ErrLong = errors.New("the value is longer than a token can be")

// refuseLong wraps dial so that a value longer than LongestValue ends its
// connection with ErrLong. The library takes memory for a value of any length,
// and who may only GET cannot ask for the length first.
func refuseLong(plain dial) dial {
	if plain == nil {
		plain = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := plain(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &shortConn{Conn: conn}, nil
	}
}

// shortConn reads replies in the second version of Redis' protocol: lines, of
// which "$LENGTH" is followed by so many bytes and the end of a line.
type shortConn struct {
	net.Conn
	// The begin of the line that is not complete yet, as much as a length takes.
	line []byte
	// How much of a value and of the end of its line is still to come.
	skip int
	// What the next reading ends with: the replies before it are whole.
	err error
}

func (c *shortConn) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if c.skip > 0 {
			passed := min(c.skip, len(rest))
			c.skip, rest = c.skip-passed, rest[passed:]
			continue
		}
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		begin := n - len(rest)
		const room = len("$536870912\r")
		c.line, rest = append(c.line, part[:min(len(part), room-len(c.line))]...), after
		if !ended {
			break
		}
		if length, is := bytes.CutPrefix(c.line, []byte("$")); is {
			// What is no number is the library's to complain about.
			long, _ := strconv.Atoi(string(bytes.TrimSuffix(length, []byte("\r"))))
			if long > LongestValue {
				c.err = fmt.Errorf("%w: %d bytes", ErrLong, long)
				return begin, nil
			}
			if long >= 0 {
				c.skip = long + len("\r\n")
			}
		}
		c.line = c.line[:0]
	}
	return n, err
}
