package check

import (
	"io"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
)

// Stored writes what the check says of an observation.
func Stored(w io.Writer, c config.Credential, o store.Observation) { newReport(w).token(c, o) }

// Server writes what the check says of a server's INFO.
func Server(w io.Writer, info string) { newReport(w).info(info) }

// Clock writes how a clock is judged.
func Clock(w io.Writer, ahead, doubt time.Duration) { newReport(w).clock("Redis", ahead, doubt) }

func newReport(w io.Writer) *report { return &report{w: w, count: map[mark]int{}} }
