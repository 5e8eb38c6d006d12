package check

import (
	"fmt"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
)

// token says what readers of the key get now. Nothing of it is FAIL: all of it
// is what a running daemon repairs.
func (r *report) token(c config.Credential, o store.Observation) {
	subject := "token " + c.Key
	switch saw, cure := tokenTrouble(o); {
	case saw != "":
		r.warn(subject, cure, "%s", saw)
	case o.State.Token == "" && !c.Mint:
		r.ok(subject, "none yet, and this one never asks for it (mint: false): a replica that does has to run")
	case o.State.Token == "":
		r.ok(subject, "none yet: the daemon asks for one when it starts")
	default:
		r.ok(subject, "%v for another %v, minted %s", o.State.Token,
			o.State.ExpiresAt.Sub(o.Now).Round(time.Second), o.State.MintedAt.Format(time.RFC3339))
	}
}

// tokenTrouble compares the key with the state, "" if readers get what they
// should. The first trouble that holds explains the others: an expired token has
// no key either.
func tokenTrouble(o store.Observation) (saw, cure string) {
	const (
		writer  = "find out who else writes this key; a running daemon with mint: true puts a token of its own there"
		running = "start a daemon with mint: true; if one runs, its log and wxtokend status say what it waits for"
		foreign = "nothing to do if you have just changed the configuration; otherwise give each account its own key, " +
			"and all replicas of one the same wechat.base_url"
	)
	s, v := o.State, o.Value
	switch {
	case o.Other.AppID != "":
		return fmt.Sprintf("it belongs to the appid %s at %s", printable(o.Other.AppID), printable(o.Other.Issuer)), foreign
	case v.Present && v.Token == "":
		return "what lies under the key is no token", writer
	case v.Present && v.Token != s.Token:
		return fmt.Sprintf("%v lies under the key, which no wxtokend wrote", v.Token), writer
	case s.Token == "":
		return "", ""
	case !s.Live(o.Now):
		return fmt.Sprintf("%v has expired or was refused by WeChat", s.Token), running
	case !v.Present || v.TTL < 0:
		return "somebody deleted the key or took its time to live away", writer
	case o.Rejected == s.Token:
		return fmt.Sprintf("a reader reports that WeChat refused %v", s.Token), running
	case s.Schema > store.Schema:
		return "a newer version of wxtokend keeps it", "run the same version everywhere"
	}
	return "", ""
}

// exits lists the addresses from which a fleet's calls came that WeChat did not let
// in, one a line, as its console takes them.
func (r *report) exits(c config.Credential, exits []store.Exit) {
	if len(exits) == 0 {
		return
	}
	cure := "whitelist all of them that are yours, one a line:"
	for _, e := range exits {
		cure += "\n" + printable(e.Address)
	}
	r.warn("exits "+c.Key, cure, "%s that were not whitelisted, within a week, the last at %s",
		store.CountExits(exits), exits[0].At.Format(time.RFC3339))
}
