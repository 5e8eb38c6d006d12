package main

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy carries bytes to a server that is some way off, and counts its
// connections.
type proxy struct {
	net.Listener
	to string
	// Of each direction.
	delay time.Duration

	open, most atomic.Int64
}

// newProxy listens until the process ends.
func newProxy(to string, roundTrip time.Duration) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{Listener: ln, to: to, delay: roundTrip / 2}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p, nil
}

func (p *proxy) serve(client net.Conn) {
	open := p.open.Add(1)
	defer p.open.Add(-1)
	for most := p.most.Load(); open > most && !p.most.CompareAndSwap(most, open); most = p.most.Load() {
	}
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { p.carry(server, client) })
	both.Go(func() { p.carry(client, server) })
	both.Wait()
}

// parcel is what was read at once.
type parcel struct {
	bytes []byte
	due   time.Time
}

// carry delivers what from sends, each byte late by the delay and none later
// because others are on their way.
func (p *proxy) carry(to, from net.Conn) {
	way := make(chan parcel, 1024)
	go func() {
		defer close(way)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				way <- parcel{buffer[:n], time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for parcel := range way {
		time.Sleep(time.Until(parcel.due))
		// The reader notices as well.
		_, _ = to.Write(parcel.bytes)
	}
	_ = to.(*net.TCPConn).CloseWrite()
}
