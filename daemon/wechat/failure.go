package wechat

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// failed says in words what became of a call that got no whole answer. The
// words are ours: what net/http says can quote what the server sent.
func (f *flight) failed(ctx context.Context, err error) *Error {
	phase := f.end()
	e := &Error{Class: ClassTransport, Issued: NotIssued, Err: cause(ctx, err)}
	if phase >= sent {
		e.Issued = MaybeIssued
	}
	var dns *net.DNSError
	switch {
	case f.late.Load() && phase < sent:
		e.Message = "the deadline passed before the request was written, so it was not sent " +
			"(the process was paused, or connecting took all the time)"
		e.Err = context.DeadlineExceeded
	case errors.Is(ctx.Err(), context.Canceled):
		e.Message = "the call was cancelled " + during(phase)
	case phase == connecting && errors.As(err, &dns):
		e.Message = fmt.Sprintf("the name %q could not be resolved: check this host's DNS, ", sanitise(dns.Name, "")) + ways
	case errors.Is(e.Err, context.DeadlineExceeded):
		e.Message = "timed out " + during(phase)
	case phase == connecting:
		e.Message = unconnected(err)
	case phase == securing:
		e.Message = unsecured(err)
	case phase == ready:
		e.Message = "the connection was lost before the request was written"
	default:
		e.Class, e.Message = unanswered(err)
	}
	return e
}

// ways are the options that decide where a connection goes. Whoever comes from
// curl expects a variable of the environment to do so.
const ways = "wechat.base_url and wechat.proxy (HTTPS_PROXY is not read)"

func during(phase int32) string {
	switch {
	case phase == connecting:
		return "before a connection was made: check the firewall, " + ways
	case phase < sent:
		return "during the TLS handshake, before the request was sent"
	default:
		return "after the request was sent"
	}
}

func unconnected(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there, or a firewall refuses: check " + ways
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to WeChat or the proxy: check this host's network, " + ways
	default:
		return "could not connect to WeChat or the proxy: check " + ways
	}
}

func unsecured(err error) string {
	const check = ": check this host's clock, its CA certificates, and whether a proxy intercepts TLS"
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var proxy proxyError
	text := err.Error()
	switch {
	case errors.As(err, &proxy):
		return fmt.Sprintf("the proxy refused a tunnel to WeChat with HTTP %d: check its address and credentials", int(proxy))
	case errors.As(err, &certificate):
		return "TLS failed, the server's certificate is not accepted (" + sanitise(certificate.Err.Error(), "") + ")" + check
	case errors.As(err, &record):
		return "TLS failed, the server does not speak it: check scheme and port of wechat.base_url, and wechat.proxy"
	case strings.HasPrefix(text, "tls: "), strings.HasPrefix(text, "remote error: tls: "):
		return "TLS failed (" + sanitise(text, "") + ")" + check
	default:
		return "the connection was lost during the TLS handshake or in the proxy" + check
	}
}

func unanswered(err error) (Class, string) {
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return ClassTransport, "the connection was reset " + during(sent)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ClassGarbage, "the answer ended early"
	case errors.Is(err, io.EOF):
		return ClassTransport, "the connection was closed without an answer " + during(sent)
	default:
		return ClassGarbage, "the answer is not HTTP: something between this host and WeChat may have answered"
	}
}

// cause reduces an error to one that errors.Is and errors.As can use and that
// holds no text of a server, nil if there is none.
func cause(ctx context.Context, err error) error {
	var timeout net.Error
	var dns *net.DNSError
	var errno syscall.Errno
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &dns):
		return dns
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &certificate):
		return certificate
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		return io.EOF
	default:
		return nil
	}
}
