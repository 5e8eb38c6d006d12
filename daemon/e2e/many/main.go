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

// load is one run: so many credentials, each with so many targets, with Redis and WeChat so far away.
type load struct {
	credentials   int
	targets       int
	redis, wechat time.Duration // a round trip
}

// parse reads COUNT[+TARGETS][@REDIS[,WECHAT]], such as 2000@5ms.
func parse(text string) (load, error) {
	count, far, _ := strings.Cut(text, "@")
	count, more, _ := strings.Cut(count, "+")
	n, err := strconv.Atoi(count)
	targets, bad := strconv.Atoi(cmp.Or(more, "0"))
	if err != nil || bad != nil || n < 1 {
		return load{}, fmt.Errorf("%q: want COUNT[+TARGETS][@REDIS[,WECHAT]], such as 2000+2@5ms,50ms", text)
	}
	l := load{credentials: n, targets: targets}
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
