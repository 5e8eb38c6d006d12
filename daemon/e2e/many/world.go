package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const appSecret = "0123456789abcdef0123456789abcdef"

func key(i int) string       { return fmt.Sprintf("wx:%05d", i) }
func target(i, t int) string { return fmt.Sprintf("app:%d:%05d", t, i) }
func appid(i int) string     { return fmt.Sprintf("wx%016x", i) }

// The accounts that get no token, and the faults of the simulator that keep them from it.
const (
	hangs, wrong, spent = "wxhangs", "wxwrong", "wxspent"

	hang  = `{"kind":"hang","appid":"` + hangs + `","times":1000000}`
	quota = `{"kind":"errcode","code":45009,"appid":"` + spent + `","times":1000000}`
)

// world is everything around the daemon.
type world struct {
	load
	dir       string
	processes []*exec.Cmd
	client    *redis.Client
	redis     *proxy
	wechat    *proxy
	listen    string
	keys      []string
}

func (w *world) end() {
	for _, p := range w.processes {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
	_ = os.RemoveAll(w.dir)
}

// start runs a command; its output goes to a file of that name.
func (w *world) start(name string, command ...string) (*exec.Cmd, string, error) {
	file := filepath.Join(w.dir, name+".log")
	out, err := os.Create(file)
	if err != nil {
		return nil, "", err
	}
	defer out.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	w.processes = append(w.processes, cmd)
	return cmd, file, nil
}

func newWorld(binary string, l load) (w *world, err error) {
	w = &world{load: l}
	if w.dir, err = os.MkdirTemp("", "many"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	for i := range l.credentials {
		w.keys = append(w.keys, key(i))
		for t := range l.targets {
			w.keys = append(w.keys, target(i, t))
		}
	}
	if err = w.startRedis(); err != nil {
		return nil, err
	}
	if err = w.startWeChat(binary); err != nil {
		return nil, err
	}
	if w.listen, err = freeAddress(); err != nil {
		return nil, err
	}
	return w, w.configure()
}

func (w *world) startRedis() error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	if _, _, err = w.start("redis", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
		"no", "--dir", w.dir); err != nil {
		return err
	}
	w.client = redis.NewClient(&redis.Options{Addr: address})
	if err = within(10*time.Second, func() error { return w.client.Ping(context.Background()).Err() }); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	w.redis, err = newProxy(address, w.load.redis)
	return err
}

func (w *world) startWeChat(binary string) error {
	args := []string{binary, "simulate", "--listen", "127.0.0.1:0"}
	for i := range w.credentials {
		args = append(args, "--app", appid(i)+":"+appSecret)
	}
	for _, account := range w.sickOnes() {
		args = append(args, "--app", account+":"+appSecret)
	}
	_, file, err := w.start("wechat", args...)
	if err != nil {
		return err
	}
	var address string
	err = within(30*time.Second, func() error {
		said, err := os.ReadFile(file)
		if address = strings.TrimPrefix(regexp.MustCompile(`http://[0-9.]+:[0-9]+`).FindString(string(said)),
			"http://"); address == "" {
			return errors.Join(errors.New("simulator: not listening"), err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.wechat, err = newProxy(address, w.load.wechat); err != nil || !w.sick {
		return err
	}
	return errors.Join(inject(address, hang), inject(address, quota))
}

func (w *world) sickOnes() []string {
	if !w.sick {
		return nil
	}
	return []string{hangs, wrong, spent}
}

// inject has the simulator misbehave.
func inject(address, fault string) error {
	resp, err := http.Post("http://"+address+"/sim/faults", "application/json", strings.NewReader(fault))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("fault %s: HTTP %d", fault, resp.StatusCode)
	}
	return nil
}

// configure writes everything with its default but the addresses.
func (w *world) configure() error {
	var c bytes.Buffer
	fmt.Fprintf(&c, "http: {listen: %q}\nredis: {url: \"redis://%s/0\"}\nwechat: {base_url: \"http://%s\"}\n"+
		"credentials:\n", w.listen, w.redis.Addr(), w.wechat.Addr())
	for i := range w.credentials {
		fmt.Fprintf(&c, "- {key: %q, appid: %s, secret: %s, targets: [", key(i), appid(i), appSecret)
		for t := range w.targets {
			fmt.Fprintf(&c, "{key: %q, format: raw},", target(i, t))
		}
		fmt.Fprint(&c, "]}\n")
	}
	for _, account := range w.sickOnes() {
		appSecret := strings.Replace(appSecret, "0", map[bool]string{true: "f", false: "0"}[account == wrong], 1)
		fmt.Fprintf(&c, "- {key: %q, appid: %[1]s, secret: %s}\n", account, appSecret)
	}
	return os.WriteFile(filepath.Join(w.dir, "config.yaml"), c.Bytes(), 0o600)
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

func within(limit time.Duration, try func() error) error {
	end := time.Now().Add(limit)
	for {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
