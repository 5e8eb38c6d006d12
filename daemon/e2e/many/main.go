// Command many measures what a number of credentials costs one daemon: the
// built binary, a real redis-server and the simulator, each a process of its
// own. .ci/many runs it.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// load is one run: so many credentials with so many targets each, and Redis and WeChat so far away.
type load struct {
	credentials, targets int
	// Three credentials more get no token: one whose calls hang, one with a wrong
	// AppSecret, one that is over WeChat's quota.
	sick bool
	// A round trip.
	redis, wechat time.Duration
}

// parse reads COUNT[+TARGETS][!][@REDIS[,WECHAT]], such as 2000@5ms. The mark
// asks for the three that get no token.
func parse(text string) (load, error) {
	counts, far, _ := strings.Cut(text, "@")
	counts, sick := strings.CutSuffix(counts, "!")
	count, targets, _ := strings.Cut(counts, "+")
	n, err := strconv.Atoi(count)
	each, badTargets := strconv.Atoi(cmp.Or(targets, "0"))
	if err != nil || badTargets != nil || n < 1 || each < 0 {
		return load{}, fmt.Errorf("%q: want COUNT[+TARGETS][!][@REDIS[,WECHAT]], such as 1000+2 or 2000@5ms,50ms", text)
	}
	l := load{credentials: n, targets: each, sick: sick}
	redis, wechat, _ := strings.Cut(far, ",")
	for _, d := range []struct {
		text string
		to   *time.Duration
	}{{redis, &l.redis}, {wechat, &l.wechat}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.ParseDuration(d.text); err != nil {
			return load{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	return l, nil
}

func main() {
	binary := flag.String("binary", "", "wxtokend")
	rest := flag.Duration("rest", 30*time.Second, "how long to look at it when all is stored")
	flag.Parse()
	fmt.Printf("%-16s %9s %8s %9s %9s %9s %9s %8s %6s %7s %9s %9s\n", "credentials", "stored s", "CPU s", "rest CPU",
		"heap KiB", "RSS MiB", "peak MiB", "looks/s", "WARN", "at once", "metrics", "status")
	for _, text := range flag.Args() {
		l, err := parse(text)
		if err == nil {
			err = measure(*binary, l, *rest)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "many:", err)
			os.Exit(1)
		}
	}
}
