package check

import (
	"io"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
)

// Stored writes what the check says of an observation.
func Stored(w io.Writer, c config.Credential, o store.Observation) {
	stored(newReport(w), c, o)
}

// Server writes what the check says of a server's INFO.
func Server(w io.Writer, info string) {
	r, fields := newReport(w), parseInfo(info)
	version(r, fields["redis_version"])
	role(r, fields["role"])
	memory(r, fields)
}

// Clock writes how two clocks are judged.
func Clock(w io.Writer, ahead, doubt time.Duration) {
	newReport(w).clock("Redis", "WeChat", ahead, doubt, "cure")
}

func newReport(w io.Writer) *report { return &report{w: w, count: map[mark]int{}} }
