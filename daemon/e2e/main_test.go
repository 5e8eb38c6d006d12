package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

// binary is wxtokend, built once with failpoints.
var binary string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	if !endsWithParent {
		fmt.Println("SKIPPED, NOT PASSED: these tests start processes that only Linux ends together with the tests")
		return 0
	}
	if os.Getenv(parentOnly) != "" {
		return beParent()
	}
	flag.Parse()
	// Nearly all of the time is waiting (for a lease, a poll, a token to come of
	// age), so the number of processors is no measure of what fits side by side;
	// see places.
	parallel := flag.Lookup("test.parallel")
	if parallel.Value.String() == parallel.DefValue {
		_ = flag.Set("test.parallel", "1000")
	}
	redis.SetLogger(quiet{}) // its errors are returned as well
	dir, err := os.MkdirTemp("", "wxtokend-e2e")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "wxtokend")
	if out, err := exec.Command("go", "build", "-tags", "failpoint", "-o", binary,
		"wxtokend").CombinedOutput(); err != nil {
		fmt.Printf("build wxtokend: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
