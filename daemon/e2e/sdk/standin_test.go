//go:build sdk

package sdk

import (
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

// entries stands in for the daemon: it returns what the daemon writes for the
// mode's target.
func (s *story) entries() []layout.Entry {
	s.Helper()
	mirrors, err := s.target.Mirrors(layout.Subject{
		Credential: "WXAccessToken", Kind: "official_account", Account: s.appid, Secret: appSecret,
	})
	if err != nil {
		s.Fatal(err)
	}
	var entries []layout.Entry
	for _, m := range mirrors {
		entries = append(entries, m.Entry(secret.Token(s.token), 2*time.Hour, s.expires, time.Now()))
	}
	return entries
}

// assert writes what an SDK deleted or overwrote, or what a rotation made new.
func (s *story) assert() {
	s.Helper()
	for _, e := range s.entries() {
		key := e.Key.Reveal()
		value, fields := e.Reveal()
		s.do("DEL", key)
		if e.Form == layout.Hash {
			s.do(append([]any{"HSET", key}, anys(fields)...)...)
		} else {
			s.do("SET", key, value)
		}
		s.do("PEXPIRE", key, e.TTL.Milliseconds())
	}
}

func (s *story) remove() {
	s.Helper()
	for _, e := range s.entries() {
		s.do("DEL", e.Key.Reveal())
	}
}

func anys(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
