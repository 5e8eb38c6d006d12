//go:build !failpoint

package daemon

import "wxtokend/daemon/keeper"

func failpoint() func(s keeper.Step, attempt string) { return func(keeper.Step, string) {} }
