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
	cmd.Stdin, cmd.Stderr = in, &noise{t: t}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, in: input, lines: make(chan string, 1)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(c.lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = input.Close()
		end := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		for range c.lines {
			continue
		}
		<-read
		_ = cmd.Wait()
		end.Stop()
	})
	return c
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
			c.t.Logf("printed: %s", line) // some SDKs print
		case <-late:
			c.t.Fatalf("no answer to %s within %s", command, answerWithin)
		}
	}
}

// noise is what a client prints on its standard error; shown if the test fails.
type noise struct{ t testing.TB }

func (n *noise) Write(p []byte) (int, error) {
	n.t.Logf("stderr: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}
