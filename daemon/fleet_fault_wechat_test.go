package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"wxtokend/daemon/keeper"
	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechatsim"
)

func wechatFaults() []fault {
	answering := func(name string, weight int, w wechatsim.Fault) fault {
		return fault{name: name, weight: weight, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(time.Minute)
			w.Path, w.Until = f.path(), time.Now().Add(d)
			if f.dice.IntN(2) == 0 {
				w.Times = 1 + f.dice.IntN(3)
			}
			_, err := f.wechat.Inject(w)
			return fmt.Sprintf("for %v %v", d, orOK(err)), d
		}}
	}
	return []fault{
		answering("wechat busy", 2, wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: -1}),
		answering("wechat rate", 1, wechatsim.Fault{Kind: wechatsim.FaultErrcode, Code: 45011}),
		answering("wechat 502", 1, wechatsim.Fault{Kind: wechatsim.FaultStatus, Code: 502}),
		answering("wechat html", 1, wechatsim.Fault{Kind: wechatsim.FaultHTML}),
		answering("wechat truncated", 2, wechatsim.Fault{Kind: wechatsim.FaultTruncated}),
		answering("wechat no token", 1, wechatsim.Fault{Kind: wechatsim.FaultNoToken}),
		answering("wechat expires_in -5", 1, wechatsim.Fault{Kind: wechatsim.FaultExpiresIn, ExpiresIn: []byte("-5")}),
		answering("wechat reply lost", 4, wechatsim.Fault{Kind: wechatsim.FaultReplyLost}),
		answering("wechat hangs", 1, wechatsim.Fault{Kind: wechatsim.FaultHang}),
		answering("wechat slow", 1, wechatsim.Fault{Kind: wechatsim.FaultSlowBody}),
		{name: "quota exhausted", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(20 * time.Minute)
			var err error
			for _, path := range []string{wechatsim.PathToken, wechatsim.PathStableToken} {
				before, failed := f.wechat.Quota(testAppID, path)
				if err = errors.Join(err, failed); before.Used >= before.Limit {
					continue // it is used up already
				}
				used := before
				used.Used = used.Limit
				err = errors.Join(err, f.wechat.SetQuota(testAppID, path, used))
				f.after(d, func() { _ = f.wechat.SetQuota(testAppID, path, before) })
			}
			return fmt.Sprintf("for %v %v", d, orOK(err)), d
		}},
		{name: "secret rotated", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			d := f.upTo(2 * time.Minute)
			f.rotated++
			rotated := fmt.Sprintf("CANARY%026d", f.rotated)
			err := f.wechat.SetSecret(testAppID, secret.Secret(rotated))
			f.after(d, func() {
				f.mu.Lock() // the newest one, should it have been rotated again
				newest := fmt.Sprintf("CANARY%026d", f.rotated)
				f.mu.Unlock()
				f.must(os.WriteFile(f.secretFile, []byte(newest), 0o600))
			})
			return fmt.Sprintf("the file follows after %v %v", d, orOK(err)), d
		}},
		{name: "address barred", weight: 1, act: func(f *fleet, m *member) (string, time.Duration) {
			d := f.upTo(5 * time.Minute)
			var others []netip.Prefix
			for _, other := range f.members {
				if other != m {
					others = append(others, netip.PrefixFrom(netip.MustParseAddr(other.ip), 32))
				}
			}
			err := f.wechat.SetWhitelist(testAppID, others...)
			f.after(d, func() { _ = f.wechat.SetWhitelist(testAppID) })
			return fmt.Sprintf("for %v %v", d, orOK(err)), d
		}},
		{name: "somebody forces", weight: 2, act: func(f *fleet, _ *member) (string, time.Duration) {
			for i := range 2 {
				f.after(time.Duration(i)*31*time.Second, func() { _, _ = f.wechat.Draw(testAppID, wechatsim.Stable, rogue) })
			}
			return "twice", 31 * time.Second
		}},
		{name: "person asks", weight: 1, act: func(f *fleet, m *member) (string, time.Duration) { return f.wish(m, 0) }},
		{name: "person forces", weight: 1, act: func(f *fleet, m *member) (string, time.Duration) { return f.wish(m, 2) }},
		{name: "rogue draws", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			_, err := f.wechat.Draw(testAppID, wechatsim.Classic, rogue)
			return orOK(err), overlap
		}},
		{name: "rogue writes", weight: 1, act: func(f *fleet, _ *member) (string, time.Duration) {
			token, err := f.wechat.Draw(testAppID, wechatsim.Classic, rogue)
			value := layout.Target{Format: layout.JSON, UTCOffset: "+0800"}.Encode(token, f.life, time.Now().Add(f.life))
			f.server.change(func() { _ = f.redis.Set(testKey, value); f.redis.SetTTL(testKey, f.life) })
			return orOK(err), overlap
		}},
	}
}

// wish is a person at m who wants a refresh.
func (f *fleet) wish(m *member, force int) (string, time.Duration) {
	r := m.current.Load().registry.entries[0]
	if force > 0 {
		f.harmed.Store("person forces", time.Now())
	}
	f.busy.Go(func() { _, _, _ = r.Wish(context.WithoutCancel(f.Context()), keeper.Wish{Force: force > 0}) })
	return "", time.Duration(force) * time.Minute
}

func orOK(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
