package wechatsim

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The endless answers: their JSON never gets as far as a closing quote.
const (
	endlessStart = `{"access_token":"98_`
	endlessSize  = 10 << 30
	endlessChunk = 1 << 20
)

// misbehave answers a call that never reaches WeChat.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, f Fault) {
	wait(r.Context(), f.Delay)
	switch f.Kind {
	case FaultStatus:
		page(w, "text/html", cmp.Or(f.Code, http.StatusBadGateway),
			cmp.Or(f.Body, "<html><head><title>Bad Gateway</title></head><body><hr>nginx</body></html>"))
	case FaultEmpty:
		page(w, "text/html; charset=gbk", http.StatusOK, "")
	case FaultHTML:
		page(w, "text/html; charset=utf-8", http.StatusOK,
			cmp.Or(f.Body, "<!DOCTYPE html><html><body>Sign in to this network</body></html>"))
	case FaultRedirect:
		w.Header().Set("Location", cmp.Or(f.Body, "https://mp.weixin.qq.com/"))
		page(w, "text/html", http.StatusFound, "")
	case FaultReset:
		reset(w)
	case FaultHang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case FaultEndless:
		w.Header().Set("Content-Type", jsonType)
		flood(w, []byte(endlessStart), bytes.Repeat([]byte("a"), endlessChunk))
	case FaultGzipBomb:
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		// A gzip stream may have many members; one is compressed once.
		flood(w, squeeze([]byte(endlessStart)), squeeze(bytes.Repeat([]byte("a"), endlessChunk)))
	}
}

// ConfigForClient is a tls.Config's GetConfigForClient that makes the handshakes
// fail which FaultTLS hits. It leaves the others alone.
func (s *Server) ConfigForClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.meet(func(f *Fault) bool { return f.Kind == FaultTLS }); f.Kind == FaultTLS {
		return nil, errors.New("the handshake fails, as injected")
	}
	return nil, nil
}

// send answers a call that took effect.
func (s *Server) send(w http.ResponseWriter, r *http.Request, rep reply, f Fault) {
	if f.Kind != FaultSlowBody {
		wait(r.Context(), f.Delay)
	}
	switch {
	case f.Kind == FaultReplyLost:
		reset(w)
		return
	case f.Kind == FaultNoToken:
		rep.Token, rep.Ticket = "", ""
	case f.Kind == FaultExpiresIn && len(rep.ExpiresIn) > 0:
		rep.ExpiresIn = f.ExpiresIn
	}
	if f.Kind == FaultClockSkew {
		w.Header().Set("Date", time.Now().Add(f.Skew).UTC().Format(http.TimeFormat))
	}
	body, err := json.Marshal(rep)
	// It cannot fail: Inject checked the only foreign JSON.
	if err != nil {
		page(w, jsonType, http.StatusInternalServerError, "")
		return
	}
	if f.Kind == FaultTruncated {
		body = body[:len(body)/2]
	}
	if f.Kind == FaultSlowBody {
		drip(w, r.Context(), body, cmp.Or(f.Delay, time.Second))
		return
	}
	page(w, jsonType, http.StatusOK, string(body))
}

// jsonType is WeChat's header, spelling mistake included: a client must not
// insist on "charset".
const jsonType = "application/json; encoding=utf-8"

func page(w http.ResponseWriter, contentType string, status int, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// It fails only if the client has gone.
	_, _ = w.Write([]byte(body))
}

// flood writes until the client has had enough, or endlessSize is reached
// after decompression.
func flood(w http.ResponseWriter, start, chunk []byte) {
	_, err := w.Write(start)
	for sent := 0; err == nil && sent < endlessSize; sent += endlessChunk {
		_, err = w.Write(chunk)
	}
	// There is never a proper end.
	panic(http.ErrAbortHandler)
}

func squeeze(text []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	// A buffer takes everything.
	_, _ = z.Write(text)
	_ = z.Close()
	return out.Bytes()
}

// drip sends a body byte by byte.
func drip(w http.ResponseWriter, ctx context.Context, body []byte, every time.Duration) {
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	flusher := http.NewResponseController(w)
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil || flusher.Flush() != nil {
			return
		}
		wait(ctx, every)
	}
}

// wait returns after d. A handler whose client leaves meanwhile is ended.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

// reset makes the client read ECONNRESET where the connection can do that,
// and a bare end of file elsewhere.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if l, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0)
	}
	_ = conn.Close()
}
