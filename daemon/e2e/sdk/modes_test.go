//go:build sdk

package sdk

import (
	"fmt"
	"os"
	"path/filepath"
)

// mode is one way in which one SDK is used.
type mode struct {
	// sdk and name are the test's name; name is what the client is told.
	sdk, name string
	command   []string
	// layout is what the daemon writes for it.
	layout string
	// hook says that the app brings the token itself: the SDK never draws.
	hook bool
}

const appSecret = "5ecre75ecre75ecre75ecre75ecre75e"

// account is the appid of the i-th mode.
func account(i int) string { return fmt.Sprintf("wx%016x", 0xabcdef01+i) }

// installed is where .ci/sdk has put what the clients need.
func installed(parts ...string) string {
	return filepath.Join(append([]string{os.Getenv("SDK_CLIENTS")}, parts...)...)
}

func modes() []mode {
	silenceper := []string{installed("silenceper")}
	return []mode{
		{sdk: "silenceper", name: "official", command: silenceper, layout: "silenceper"},
		{sdk: "silenceper", name: "stable", command: silenceper, layout: "silenceper_stable"},
		{sdk: "silenceper", name: "mini", command: silenceper, layout: "silenceper_mini"},
		{sdk: "silenceper", name: "hook", command: silenceper, layout: "raw", hook: true},
	}
}
