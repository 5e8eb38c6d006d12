// Command speed measures on the token API at URL how long it takes to get
// nothing: with a wrong secret, with none, and with another consumer's, which is
// FOREIGN. It asks for KEY and for one that does not exist. Each address may try
// but a few times, so every connection comes from another one of 127.0.0.0/8.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	batches = 300
	// Of one address, below what makes it wait.
	requests = 40
)

// try is one kind of request.
type try struct {
	name, request string
	status        int
	took          []time.Duration
}

func main() {
	log.SetFlags(0)
	host := strings.TrimPrefix(os.Getenv("URL"), "http://")
	ask := func(key, header string) string {
		return fmt.Sprintf("GET /token/%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", key, host, header)
	}
	bearer := func(secret string) string { return "Authorization: Bearer " + secret + "\r\n" }
	key, foreign := os.Getenv("KEY"), os.Getenv("FOREIGN")
	wrong := strings.Repeat("0", len(foreign))
	tries := []*try{
		{name: "wrong secret", request: ask(key, bearer(wrong)), status: 401},
		{name: "no secret", request: ask(key, ""), status: 401},
		{name: "another consumer's secret", request: ask(key, bearer(foreign)), status: 403},
		{name: "wrong secret, no such key", request: ask("Nonexistent", bearer(wrong)), status: 401},
		{name: "another's secret, no such key", request: ask("Nonexistent", bearer(foreign)), status: 403},
	}
	address := 0
	for range batches {
		if err := batch(host, tries, &address); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%-30s %8s %8s %8s  of %d requests each, in microseconds\n", "", "p25", "median", "p75", batches*requests)
	for _, t := range tries {
		slices.Sort(t.took)
		at := func(part float64) float64 {
			return float64(t.took[int(part*float64(len(t.took)))]) / float64(time.Microsecond)
		}
		fmt.Printf("%-30s %8.1f %8.1f %8.1f\n", t.name, at(0.25), at(0.5), at(0.75))
	}
}

// batch sends requests of all kinds in turn, each kind on a connection of its own,
// from the addresses that follow.
func batch(host string, tries []*try, address *int) error {
	var conns []net.Conn
	var readers []*bufio.Reader
	for range tries {
		*address++
		from := net.IPv4(127, 1, byte(*address>>8), byte(*address))
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 5 * time.Second}
		conn, err := dialer.Dial("tcp", host)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		conns, readers = append(conns, conn), append(readers, bufio.NewReader(conn))
	}
	for i := range requests + 1 {
		for _, j := range rand.Perm(len(tries)) {
			began := time.Now()
			if err := once(conns[j], readers[j], tries[j]); err != nil {
				return fmt.Errorf("%s: %w", tries[j].name, err)
			}
			// The first one may find a cold connection.
			if i > 0 {
				tries[j].took = append(tries[j].took, time.Since(began))
			}
		}
	}
	return nil
}

func once(conn net.Conn, reader *bufio.Reader, t *try) error {
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, t.request); err != nil {
		return err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != t.status {
		return fmt.Errorf("status %d, want %d", response.StatusCode, t.status)
	}
	return nil
}
