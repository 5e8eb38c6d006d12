package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"wxtokend/daemon/check"
	"wxtokend/daemon/wechat"
)

type checkCommand struct {
	Online bool `help:"also ask Redis and WeChat; never draws a classic token"`
}

func (c checkCommand) run(ctx context.Context, p Program) error {
	loaded, err := p.load(ctx)
	if err != nil {
		return err
	}
	findings, err := check.Run(ctx, p.Stdout, loaded, check.Options{Online: c.Online, Environ: os.Environ()})
	if err == nil && findings > 0 {
		return errSaid
	}
	return err
}

type explainCommand struct {
	Code string `arg:"positional,required" help:"the errcode, such as 40164"`
}

func (e explainCommand) run(ctx context.Context, p Program) error {
	code, err := strconv.Atoi(e.Code)
	if err != nil {
		return usage{errors.New("explain: CODE must be a number, such as 40164")}
	}
	return wechat.Explain(p.Stdout, code)
}

type versionCommand struct{}

func (versionCommand) run(ctx context.Context, p Program) error {
	_, err := fmt.Fprintf(p.Stdout, "wxtokend %s (%s, %s)\n", p.Build.Version, p.Build.Revision, p.Build.GoVersion)
	return err
}
