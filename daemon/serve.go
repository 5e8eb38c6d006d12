package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"wxtokend/daemon/web"
)

// serve answers on ln and, if there is one, on the port of the probes. When one
// of them ends by itself it calls stop: nobody could see us any more. wait
// returns when all of it has ended.
func (d *Daemon) serve(ctx context.Context, ln net.Listener, stop func()) (wait func() error) {
	var all sync.WaitGroup
	var locked, plain error
	listen := func(ln net.Listener, h http.Handler, failed *error) {
		all.Go(func() {
			*failed = web.Serve(ctx, ln, h, d.options.Log)
			stop()
		})
	}
	listen(d.options.Lock.Listener(ln), d.handler(), &locked)
	if d.options.Probes != nil {
		listen(d.options.Probes, web.NewProbes(d, d.Live), &plain)
	}
	context.AfterFunc(ctx, d.api.Stop)
	if d.options.Lock != nil {
		all.Go(func() { d.options.Lock.Follow(ctx, d.options.Log, d.metrics.LockRead) })
	}
	return func() error {
		all.Wait()
		return errors.Join(locked, plain)
	}
}

func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.options.Lock.Handler(web.NewHandler(d, d.Live, d.gatherer)))
	// It has a bearer token of its own, and a request has room for one of the two.
	mux.HandleFunc("POST /refresh/{key...}", d.refreshHandler)
	// Its consumers have secrets of their own, likewise.
	return d.api.Handler(mux)
}
