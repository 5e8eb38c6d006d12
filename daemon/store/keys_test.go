package store_test

import (
	"strings"
	"testing"

	"wxtokend/daemon/store"
)

func TestNewKeys(t *testing.T) {
	for _, tt := range []struct{ key, prefix string }{
		{"WXAccessToken", "{WXAccessToken}"},
		{"a:b:c", "{a:b:c}"},
		{"中文 key", "{中文 key}"},
		{"{wx}", "{wx}"},
		{"{wx}:token", "{wx}:token"},
		{"app:{wx}:token", "app:{wx}:token"},
		{"app{wx}", "app{wx}"},

		{"", ""},
		{"{}", ""},
		{"a{}b", ""},
		{"{", ""},
		{"}", ""},
		{"a}b", ""},
		{"a{b", ""},
		{"a}b{c", ""},
		{"{a}{b}", ""},
		{"{{a}}", ""},
		{"{a}}", ""},
		{"{{a}", ""},
		{"}{a}", ""},
		{"{}{a}", ""},
		{"x{a}y{", ""},
	} {
		t.Run(tt.key, func(t *testing.T) {
			got, err := store.NewKeys(tt.key)
			if tt.prefix == "" {
				if err == nil {
					t.Errorf("keys = %+v, want an error", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			check(t, "keys", got, store.Keys{
				Value: tt.key, State: tt.prefix + ":state", Lease: tt.prefix + ":lease", Rejected: tt.prefix + ":rejected",
			})
		})
	}
}

// slot is where a Redis Cluster keeps a key: CRC16 (XMODEM) of the text between
// the first { and the next }, if there is any, else of the key.
func slot(key string) uint16 {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if n := strings.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	var crc uint16
	for _, b := range []byte(key) {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc % 16384
}

func TestSlotIsRedisOwn(t *testing.T) {
	needRedis(t)
	s := ownServer(t, "--cluster-enabled", "yes", "--cluster-announce-port", "1")
	admin := s.admin(t, 0)
	for _, key := range []string{"123456789", "foo", "{foo}bar", "a{}b", "{}", "a}b{c}", "{{a}}",
		"中文", "WXAccessToken",
		"{WXAccessToken}:state"} {
		want, err := admin.ClusterKeySlot(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		check(t, key, int64(slot(key)), want)
	}
}

func FuzzNewKeys(f *testing.F) {
	for _, seed := range []string{"WXAccessToken", "{a}", "a{b}c", "a}b", "{}", "a{b", "\x00", "{a}{b}",
		"}{", "中{文}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		keys, err := store.NewKeys(key)
		if err != nil {
			if key != "" && !strings.ContainsAny(key, "{}") {
				t.Errorf("%q is refused: %v", key, err)
			}
			return
		}
		check(t, "value", keys.Value, key)
		all := map[string]bool{}
		for _, k := range []string{keys.Value, keys.State, keys.Lease, keys.Rejected} {
			all[k] = true
			check(t, "slot of "+k, slot(k), slot(key))
		}
		check(t, "different keys", len(all), 4)
	})
}
