package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// failed says in words what became of a call that got no whole answer. The
// words are ours: what net/http says can quote what the server sent.
func (f *flight) failed(ctx context.Context, err error) *Error {
	// From here on nothing may leave, so that what is said now stays true: net/http's writer may still be about to
	// write when RoundTrip has returned.
	phase := f.phase.Swap(shut)
	e := &Error{Class: ClassTransport, Issued: NotIssued}
	if phase == sent {
		e.Issued = MaybeIssued
	}
	dns, unresolved := errors.AsType[*net.DNSError](err)
	timeout, timed := errors.AsType[net.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Message = "the call was cancelled " + during(phase)
	case unresolved:
		e.Message = fmt.Sprintf("the name %q could not be resolved: check this host's DNS, %s", sanitise(dns.Name, ""), ways)
	case ctx.Err() != nil, timed && timeout.Timeout():
		e.Message = "timed out " + during(phase)
	case phase == connecting:
		e.Message = unconnected(err)
	case phase == sent:
		e.Class, e.Message = unanswered(err)
	default:
		e.Message = unsecured(err)
	}
	return e
}

// ways are the options that decide where a connection goes. Whoever comes from
// curl expects a variable of the environment to do so.
const ways = "wechat.base_url and wechat.proxy (HTTPS_PROXY is not read)"

func during(phase int32) string {
	switch phase {
	case resolving:
		return "while the name was looked up: check this host's DNS, " + ways
	case connecting:
		return "before a connection was made: check the firewall, " + ways
	case securing:
		return "during the TLS handshake, before the request was sent"
	case ready:
		return "before the request was sent (the process was paused, or connecting took all the time)"
	default:
		return "after the request was sent"
	}
}

func unconnected(err error) string {
	what := "could not connect to WeChat or the proxy"
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		what += " (" + errno.Error() + ")"
	}
	return what + ": check the firewall, " + ways
}

func unsecured(err error) string {
	const check = ": check this host's clock, its CA certificates, and whether a proxy intercepts TLS"
	var record tls.RecordHeaderError
	var proxy proxyError
	text := err.Error()
	switch {
	case errors.As(err, &proxy):
		return fmt.Sprintf("the proxy refused a tunnel to WeChat with HTTP %d: check its address and credentials", int(proxy))
	case errors.As(err, &record):
		return "TLS failed, the server does not speak it: check scheme and port of wechat.base_url, and wechat.proxy"
	case strings.HasPrefix(text, "tls: "), strings.HasPrefix(text, "remote error: tls: "):
		return "TLS failed (" + sanitise(text, "") + ")" + check
	default:
		return "the connection was lost during the TLS handshake or in the proxy" + check
	}
}

func unanswered(err error) (Class, string) {
	const lost = "the connection was lost "
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case ok:
		return ClassTransport, lost + during(sent) + " (" + errno.Error() + ")"
	case errors.Is(err, io.EOF):
		return ClassTransport, lost + during(sent)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ClassGarbage, "the answer ended early"
	default:
		return ClassGarbage, "the answer is not HTTP: something between this host and WeChat may have answered"
	}
}
