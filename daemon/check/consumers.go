package check

import (
	"context"
	"crypto/sha256"
	"strings"

	"wxtokend/daemon/config"
)

// consumers tells who may read what over HTTP, and finds an AppSecret that
// serves as somebody's secret: apps are to know none.
func consumers(ctx context.Context, r *report, c config.Config) {
	if len(c.HTTP.Consumers) == 0 {
		return
	}
	appSecrets := map[[sha256.Size]byte]string{}
	for _, one := range c.Credentials {
		if text, err := one.ReadSecret(ctx); err == nil {
			appSecrets[sha256.Sum256([]byte(text.Reveal()))] = one.Key
		}
	}
	for _, one := range c.HTTP.Consumers {
		subject := "consumer " + one.Name
		if key, same := appSecrets[one.Sum()]; same {
			r.fail(subject, "give it a secret of its own: openssl rand -hex 32",
				"its secret is the AppSecret of %s, which no app has to know", key)
			continue
		}
		pages := ""
		if len(one.JSSDKOrigins) > 0 {
			pages = "; signs pages of " + strings.Join(one.JSSDKOrigins, ", ")
		}
		r.ok(subject, "may read %s%s", strings.Join(one.Keys, ", "), pages)
	}
}
