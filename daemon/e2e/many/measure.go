package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// measure runs one daemon and prints a line.
func measure(binary string, l load, rest time.Duration) error {
	w, err := newWorld(binary, l)
	if err != nil {
		return err
	}
	defer w.end()
	began := time.Now()
	daemon, log, err := w.start("daemon", binary, "run", "--config", filepath.Join(w.dir, "config.yaml"))
	if err != nil {
		return err
	}
	pid := daemon.Process.Pid
	err = within(5*time.Minute, func() error {
		if n, err := w.client.Exists(context.Background(), w.keys...).Result(); err != nil || int(n) < len(w.keys) {
			// Counting must not be what is measured.
			time.Sleep(time.Duration(len(w.keys)) * 10 * time.Microsecond)
			return fmt.Errorf("%d of %d are stored after five minutes (%v)", n, len(w.keys), err)
		}
		return nil
	})
	stored, used := time.Since(began), cpu(pid)
	if err != nil {
		said, _ := os.ReadFile(log)
		return fmt.Errorf("%w\n%s", err, said[:min(len(said), 2000)])
	}
	// What is left of the start.
	time.Sleep(5 * time.Second)
	cpuBefore, looksBefore, from := cpu(pid), w.scripts(), time.Now()
	time.Sleep(rest)
	took := time.Since(from).Seconds()
	busy, looks := (cpu(pid)-cpuBefore)/took, float64(w.scripts()-looksBefore)/took
	page, metrics, err := w.get("/metrics")
	if err != nil {
		return err
	}
	_, status, err := w.get("/status")
	if err != nil {
		return err
	}
	said, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	fmt.Printf("%-16s %9.2f %8.2f %8.1f%% %9.1f %9.1f %9.1f %8.0f %6d %7d %9s %9s\n", w.load, stored.Seconds(), used,
		100*busy,
		w.heap(page)/1024/float64(l.credentials), memory(pid, "VmRSS"), memory(pid, "VmHWM"), looks,
		bytes.Count(said, []byte(`"level":"WARN"`)), w.wechat.most.Load(), metrics.Round(time.Millisecond),
		status.Round(time.Millisecond))
	return nil
}

// heap is what is in use, in bytes: right after a collection, so the least of some.
func (w *world) heap(page string) float64 {
	const name = "go_memstats_heap_alloc_bytes"
	least := value(page, name)
	for range 20 {
		time.Sleep(100 * time.Millisecond)
		if page, _, err := w.get("/metrics"); err == nil {
			least = min(least, value(page, name))
		}
	}
	return least
}

func (l load) String() string {
	text := strconv.Itoa(l.credentials)
	if l.targets > 0 {
		text += "+" + strconv.Itoa(l.targets)
	}
	if l.sick {
		text += "!"
	}
	if l.redis+l.wechat > 0 {
		text += "@" + l.redis.String() + "," + l.wechat.String()
	}
	return text
}

// scripts is how many Redis was asked to run so far.
func (w *world) scripts() (n int) {
	info, _ := w.client.Info(context.Background(), "commandstats").Result()
	for _, calls := range regexp.MustCompile(`cmdstat_eval(?:sha)?:calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		more, _ := strconv.Atoi(calls[1])
		n += more
	}
	return n
}

func (w *world) get(path string) (body string, took time.Duration, err error) {
	from := time.Now()
	resp, err := http.Get("http://" + w.listen + path)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return string(content), time.Since(from), err
}

// value is that of a metric without labels.
func value(page, name string) float64 {
	_, after, _ := strings.Cut(page, "\n"+name+" ")
	text, _, _ := strings.Cut(after, "\n")
	v, _ := strconv.ParseFloat(text, 64)
	return v
}

// cpu is the processor time of a process so far, in seconds.
func cpu(pid int) float64 {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	// Linux counts in hundredths of a second.
	return (user + system) / 100
}

// memory is a line of /proc/PID/status, in MiB.
func memory(pid int, name string) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, _ := strconv.ParseFloat(string(found[1]), 64)
	return kib / 1024
}
