package wechat

import (
	"context"

	"wxtokend/daemon/secret"
)

// Quota is what WeChat counts of one call in a day, which ends at 00:00 UTC+8:
// by all who make it for the account, give or take a hundredth.
type Quota struct{ Limit, Used, Remain int }

// Quota asks POST /cgi-bin/openapi/quota/get about a path such as
// "/cgi-bin/token", once. How often WeChat answers is not known. An *Error with
// Refused() means that the token is dead; 40234 says that the account wants this
// call to be signed, which nobody does here, and every *Error says nothing about
// the quota.
func (c *Client) Quota(ctx context.Context, t secret.Token, path string) (q Quota, err error) {
	request := post(c.base, "/cgi-bin/openapi/quota/get", carrying(t), map[string]any{"cgi_path": path})
	err = c.ask(ctx, call{op: opQuota, hide: t.Reveal(), request: request}, func(a answer) (failure *Error) {
		q, failure = a.quota()
		return failure
	})
	return q, err
}
