package store

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxtokend/daemon/secret"
)

// Slot is a credential as the scripts see it; no slot of a Cluster, which is a hash slot here.
type Slot struct {
	Keys Keys
	// Account and Issuer say whose tokens they are: the appid, and the host of the platform.
	Account, Issuer string
	API             string
	// Replaces says that each draw ends the token before it.
	Replaces bool
	// Mirrors are where readers look besides.
	Mirrors []Mirror
	// Encode renders a token for readers.
	Encode func(token secret.Token, expiresIn time.Duration, expiresAt time.Time) string

	// Lease is the length of the right to mint, Overlap how long the platform
	// accepts a superseded token, Poll the time between two looks, VerifyEvery
	// that between two questions whether the platform accepts the token, at most.
	Lease, Overlap, Poll, VerifyEvery time.Duration
}

// Calm is how often WeChat is asked about a token that nobody doubts: never slower
// than promised, although polls and the mint take their time. Under watch it is
// asked ten times as often.
func (c Slot) Calm() time.Duration { return c.VerifyEvery * 3 / 4 }

// Soon is how soon WeChat may be asked once more, whatever happens.
func (c Slot) Soon() time.Duration { return c.VerifyEvery / 10 }

// account tells a script whose state is ours.
func (c Slot) account() string {
	// Strings cannot fail.
	text, _ := json.Marshal(struct {
		AppID  string `json:"appid"`
		Issuer string `json:"issuer"`
	}{c.Account, c.Issuer})
	return string(text)
}

// Store runs the scripts on a Redis.
type Store struct {
	client  redis.UniversalClient
	timeout time.Duration
	decode  Decode
	scripts scripts
}

// Decode finds the token in what lies under the key, "" in garbage.
type Decode func(text string) secret.Token

// New returns a store that gives every operation at most timeout. It does not
// close client.
func New(client redis.UniversalClient, timeout time.Duration, decode Decode) *Store {
	return &Store{client: client, timeout: timeout, decode: decode, scripts: loadScripts()}
}

//go:embed lua/*.lua
var sources embed.FS

// scripts are those under lua/, by their names.
type scripts map[string]*redis.Script

func loadScripts() scripts {
	all := scripts{}
	for _, name := range []string{
		"observe", "mirror", "begin", "commit", "abort", "restore", "reassert", "claim", "verdict", "discard", "request",
	} {
		all[name] = redis.NewScript(source(name))
	}
	return all
}

// source puts a script together. What is about one credential has more in common.
func source(name string) string {
	head, _ := sources.ReadFile("lua/head.lua")
	common, _ := sources.ReadFile("lua/common.lua")
	body, _ := sources.ReadFile("lua/" + name + ".lua")
	if name == "mirror" {
		common = nil
	}
	return string(head) + string(common) + string(body)
}

// run runs a script that answers a status and numbers. An error that is Definite
// means that nothing was written; any other leaves open whether the script ran.
func (s *Store) run(ctx context.Context, script string, c Slot, args map[string]any) (Status, []int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	args["appid"], args["issuer"], args["api"], args["schema"] = c.Account, c.Issuer, c.API, Schema
	args["lease"], args["overlap"] = c.Lease.Milliseconds(), c.Overlap.Milliseconds()
	args["poll"], args["calm"] = c.Poll.Milliseconds(), c.Calm().Milliseconds()
	args["often"], args["soon"] = (c.Calm() / 10).Milliseconds(), c.Soon().Milliseconds()
	encoded, err := json.Marshal(args)
	if err != nil {
		return "", nil, fmt.Errorf("%s: encode arguments: %w", script, err)
	}
	status, reply, err := decodeStatus(s.scripts[script].Run(ctx, s.client, c.Keys.List(), encoded))
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", script, err)
	}
	numbers := make([]int64, 0, 3)
	for _, part := range reply[1:] {
		n, _ := part.(int64)
		numbers = append(numbers, n)
	}
	return status, numbers, nil
}

// decodeStatus takes apart what a script answers: a status, which comes first, and more.
func decodeStatus(cmd *redis.Cmd) (Status, []any, error) {
	reply, err := cmd.Slice()
	if err != nil {
		return "", nil, err
	}
	if len(reply) > 0 {
		if status, ok := reply[0].(string); ok {
			return Status(status), reply, nil
		}
	}
	return "", nil, errReply
}

// Definite says that Redis itself answered with err, so the script that was
// sent wrote nothing (a script's first write is one that a full, read-only or
// forbidden Redis refuses).
func Definite(err error) bool {
	var answered redis.Error
	return errors.As(err, &answered)
}
