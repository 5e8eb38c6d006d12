//go:build sdk

package sdk

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// answerWithin bounds one command of a client, the start of a JVM included.
const answerWithin = 60 * time.Second

// client is a running program with an SDK in it. It ends with its standard
// input, and so with the test binary, whatever ends that.
type client struct {
	t     testing.TB
	in    *os.File
	lines chan string
	// noise is what it printed that is no answer: some SDKs log to standard output.
	noise output
}

// answer is one line of a client.
type answer struct {
	Error, Ticket string
}

func startClient(t testing.TB, command, env []string) *client {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Fatalf("%v: .ci/sdk installs what the clients need", err)
	}
	in, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(path, command[1:]...)
	// Nothing of a developer's own environment, least of all a proxy.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8"}, env...)
	c := &client{t: t, in: input, lines: make(chan string, 1)}
	cmd.Stdin, cmd.Stderr = in, &c.noise
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { c.end(cmd) })
	return c
}

// end closes the client's input, and kills it if it does not end then.
func (c *client) end(cmd *exec.Cmd) {
	_ = c.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for range c.lines {
		continue
	}
	_ = cmd.Wait()
	if c.t.Failed() {
		c.t.Logf("the client printed:\n%s", c.noise.String())
	}
}

// do gives a client one command.
func (c *client) do(command string) answer {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	late := time.After(answerWithin)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the client ended at %s", command)
			}
			var a answer
			if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &a) == nil {
				return a
			}
			_, _ = fmt.Fprintln(&c.noise, line)
		case <-late:
			c.t.Fatalf("no answer to %s within %s", command, answerWithin)
		}
	}
}
