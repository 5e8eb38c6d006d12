package wechat

import (
	"context"
	"net/url"

	"wxtokend/daemon/secret"
)

// CorpToken asks GET /cgi-bin/gettoken of WeCom, once. Each agent of a corp has a
// secret and a token of its own. Asked again it gives the same token until that
// expires. It answers every address, also one that the agent does not trust.
func (c *Client) CorpToken(ctx context.Context, corpID string, corpSecret secret.Secret) (Grant, error) {
	request := get(c.wecom, "/cgi-bin/gettoken", url.Values{"corpid": {corpID}, "corpsecret": {corpSecret.Reveal()}})
	return c.draw(ctx, call{op: opMint, hide: corpSecret.Reveal(), wecom: true, request: request}, answer.grant)
}

// VerifyCorp asks WeCom whether it accepts a token, by a call that needs no
// permission and no agentid (GET /cgi-bin/get_api_domain_ip). What it returns is
// that of Verify. It is also the call that learns of an address that the agent
// does not trust: errcode 60020, class ip.
func (c *Client) VerifyCorp(ctx context.Context, t secret.Token) error {
	request := get(c.wecom, pathDomainIP, carrying(t))
	return c.ask(ctx, call{op: opVerify, hide: t.Reveal(), wecom: true, request: request}, answer.verdict)
}
