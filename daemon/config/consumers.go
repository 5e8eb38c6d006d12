package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"

	"wxtokend/daemon/lock"
	"wxtokend/daemon/tokenapi"
)

// maxConsumers bounds what one request is compared with.
const maxConsumers = 1000

// Sum is the SHA-256 of the consumer's secret.
func (c Consumer) Sum() (sum [sha256.Size]byte) {
	// It was checked with the option.
	_, _ = hex.Decode(sum[:], []byte(c.SecretSHA256))
	return sum
}

// validateConsumers wants each to be somebody who may read something that there is.
func (l *loader) validateConsumers(locked *lock.Lock) {
	h := l.cfg.HTTP
	const all = "http.consumers"
	l.require(len(h.Consumers) <= maxConsumers, all, "must be at most %d", maxConsumers)
	unknown := h.WebConfigFile != "" && locked == nil
	l.require(len(h.Consumers) == 0 || unknown || h.Private(locked), all,
		"needs TLS, or everybody on the way could read the tokens: set web_config_file "+
			"to a file with tls_server_config, or listen to a loopback address such as \"127.0.0.1:9477\"")
	configured := map[string]bool{}
	for _, c := range l.cfg.Credentials {
		configured[c.Key] = true
	}
	names, sums := map[string]int{}, map[string]int{}
	for i, c := range h.Consumers {
		path := fmt.Sprintf("%s[%d]", all, i)
		l.require(c.Name != "", path+".name", "missing: set it to the name of the app")
		l.require(c.SecretSHA256 != "", path+".secret_sha256",
			"missing: set it to what `printf %%s SECRET | sha256sum` prints")
		l.require(len(c.Keys) > 0, path+".keys", "missing: name the keys that this app may read")
		l.unique(names, path+".name", c.Name, i)
		l.unique(sums, path+".secret_sha256", strings.ToLower(c.SecretSHA256), i)
		own := map[string]int{}
		for j, key := range c.Keys {
			at := fmt.Sprintf("%s.keys[%d]", path, j)
			l.require(configured[key], at, "is the key of no credential: name one of credentials, or remove it")
			if _, doubled := own[key]; doubled {
				l.fail(at, "is named twice: remove one")
			}
			own[key] = j
		}
	}
}

// unique refuses what another consumer has already.
func (l *loader) unique(owner map[string]int, path, value string, i int) {
	if other, taken := owner[value]; taken && value != "" {
		l.fail(path, "is that of http.consumers[%d] as well: give each consumer its own", other)
		return
	}
	owner[value] = i
}

// Private says that what is served on Listen can be read by nobody on the way.
func (h HTTP) Private(locked *lock.Lock) bool {
	host, _, _ := net.SplitHostPort(h.Listen)
	return locked.Encrypts() || IsLoopback(host)
}

// checkConsumerName takes what can be a label of a metric and a word in a log.
func checkConsumerName(text string) error {
	if len(text) > 63 || text == "" || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return errors.New("must be 1 to 63 of a to z, 0 to 9, - and _")
	}
	return nil
}

func checkSHA256(text string) error {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != sha256.Size {
		return errors.New("must be 64 hex digits, as `printf %s SECRET | sha256sum` prints them")
	}
	if [sha256.Size]byte(sum) == sha256.Sum256(nil) {
		return errors.New("is that of no secret at all: was the variable empty?")
	}
	return nil
}

func checkOrigin(text string) error {
	if text == "" || tokenapi.OriginOf(text) != text {
		return errors.New("must be the origin of pages in small letters, without a path and without the default port, " +
			"such as https://shop.example.com")
	}
	return nil
}
