package check

import (
	"fmt"
	"time"

	"wxtokend/daemon/config"
	"wxtokend/daemon/store"
	"wxtokend/daemon/wechat"
)

// stored says what readers of the key get now. Nothing of it is FAIL: all of it
// is what a running daemon repairs.
func stored(r *report, c config.Credential, o store.Observation) {
	subject := "token " + c.Key
	switch saw, cure := tokenTrouble(c, o); {
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
	failing(r, subject, o)
	if s := o.State; s.Day == store.Day(o.Now) && s.Calls >= c.DailyLimit {
		r.warn(subject, "find out who asks so often; the daemon calls again after 00:00 UTC+8, or with a higher daily_limit",
			"%d calls today reach daily_limit %d", s.Calls, c.DailyLimit)
	}
}

// tokenTrouble compares the key with the state, "" if readers get what they
// should. The first trouble that holds is the one that explains the others: an
// expired token has no key either, and a refused one need not be compared.
func tokenTrouble(c config.Credential, o store.Observation) (saw, cure string) {
	const writer = "find out who else writes this key; a running daemon puts its token back"
	running := "start the daemon; if it runs, its log and wxtokend status say what it waits for"
	replaces := "stop whatever else writes this key; the daemon replaces the token when it starts"
	if !c.Mint {
		running = "start a replica with mint: true; if one runs, its log and wxtokend status say what it waits for"
		replaces = "stop whatever else writes this key, and start a replica with mint: true"
	}
	s, v := o.State, o.Value
	left := s.ExpiresAt.Sub(o.Now)
	switch {
	case o.Other.AppID == c.AppID:
		return "the stored token comes from another wechat.base_url: " + printable(o.Other.Issuer),
			"nothing to do if you have just changed it; otherwise give all replicas the same, or each its own key"
	case o.Other.AppID != "":
		return fmt.Sprintf("it belongs to the appid %s", printable(o.Other.AppID)), "nothing to do if you have just changed appid; otherwise give each account its own key"
	case s.Token == "" && v.Token != "":
		return fmt.Sprintf("%v, which no wxtokend wrote", v.Token), replaces
	case v.Present && v.Token == "":
		return "what lies under the key is no token", writer
	case s.Token == "":
		return "", ""
	case left <= 0:
		return fmt.Sprintf("expired %v ago", (-left).Round(time.Second)), running
	case !s.Live(o.Now):
		return fmt.Sprintf("%v was refused by WeChat", s.Token), running
	case !v.Present:
		return "somebody deleted the key", writer
	case v.Token != s.Token:
		return fmt.Sprintf("%v lies under the key, but %v was stored by the daemon", v.Token, s.Token), "find out who else draws tokens for this appid"
	case v.TTL < 0:
		return "somebody took the key's time to live away", writer
	case o.Rejected == s.Token:
		return fmt.Sprintf("a reader reports that WeChat refused %v", s.Token), running
	case s.Schema > store.Schema:
		return "a newer version of wxtokend keeps it", "run the same version everywhere"
	}
	return "", ""
}

// failing reports the last error of the fleet. The text that it left in Redis
// is not repeated: whoever may write there could put a secret into it.
func failing(r *report, subject string, o store.Observation) {
	last := o.State.LastError
	if last == nil || o.State.Failures == 0 {
		return
	}
	cure := "look into the daemon's log"
	if entry, known := wechat.Lookup(last.Code); known && last.Code != 0 {
		cure = entry.Cure + "\n" + entry.CureChinese
	}
	r.warn(subject, cure, "%d failed attempt(s), the last at %s: class %s, errcode %d; the next not before %s", o.State.Failures,
		last.At.UTC().Format(time.RFC3339), printable(last.Class), last.Code, o.State.NextAttemptAt.Format(time.RFC3339))
}
