package tokenapi

import (
	"encoding/json"
	"io"

	"wxtokend/daemon/credential"
	"wxtokend/metrics"
)

// tokenAnswer is what a platform answers to a call for a token.
type tokenAnswer struct {
	*outcome
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
}

// platform is what one of them has of its own in a call for a token.
type platform struct {
	kind string
	// What it calls the account and the secret.
	account, secret string
	// What it says of a secret that is nobody's.
	wrong outcome
	// How a good answer begins; nil: with the token.
	good *outcome
}

// call is what an app sends for a token.
type call struct {
	GrantType string `json:"grant_type"`
	AppID     string `json:"appid"`
	// Secret is a consumer's, and never the AppSecret.
	Secret string `json:"secret"`
	Force  bool   `json:"force_refresh"`
}

// token serves GET /cgi-bin/token.
func (a *API) token(q *request) answer {
	query := q.URL.Query()
	return a.official(q, call{
		GrantType: query.Get("grant_type"), AppID: query.Get("appid"), Secret: query.Get("secret"),
	})
}

// stableToken serves POST /cgi-bin/stable_token.
func (a *API) stableToken(q *request) answer {
	var c call
	if !decode(q, &c) {
		return wechat(metrics.APIBadRequest, codeJSON, "data format error")
	}
	return a.official(q, c)
}

func (a *API) official(q *request, c call) answer {
	wrong := outcome{codeAppSecret, "invalid appsecret"}
	return a.tokenOf(q, c, platform{credential.OfficialAccount, "appid", "appsecret", wrong, nil})
}

// corpToken serves WeCom's GET /cgi-bin/gettoken. The secret says which agent
// asks: with several of one corp each is a consumer of its own.
func (a *API) corpToken(q *request) answer {
	query := q.URL.Query()
	c := call{GrantType: onlyGrant, AppID: query.Get("corpid"), Secret: query.Get("corpsecret")}
	wrong := outcome{codeCredential, "invalid credential"}
	return a.tokenOf(q, c, platform{credential.WeCom, "corpid", "corpsecret", wrong, &outcome{0, "ok"}})
}

// onlyGrant is the grant_type of all calls; WeCom does not ask for it.
const onlyGrant = "client_credential"

// decode reads the body, which is one JSON value.
func decode(q *request, into any) bool {
	body, err := io.ReadAll(q.Body)
	return err == nil && json.Unmarshal(body, into) == nil
}

// tokenOf answers a call as the platform does, in the order of its checks.
func (a *API) tokenOf(q *request, c call, p platform) answer {
	refused := a.admit(q, c.Secret)
	found, may := Credential{}, false
	if q.by != nil {
		found, may = q.by.byAccount[Identity{Kind: p.kind, Account: c.AppID}]
	}
	switch {
	case refused == metrics.APILimited:
		return wechat(refused, codeRate, limited)
	case c.GrantType != onlyGrant:
		return wechat(metrics.APIBadRequest, codeGrantType, "invalid grant_type")
	case c.AppID == "":
		return wechat(metrics.APIBadRequest, codeNoAppID, p.account+" missing")
	case c.Secret == "":
		return wechat(refused, codeNoAppSecret, p.secret+" missing")
	case refused != "":
		return wechat(refused, p.wrong.Code, p.wrong.Message+": the secret of a consumer of wxtokend is wanted")
	case !may:
		return wechat(metrics.APIForbidden, codeAppID, "invalid "+p.account)
	}
	t, left, good := a.find(found)
	if !good {
		return wechat(metrics.APIUnavailable, codeBusy, noToken)
	}
	if c.Force {
		a.report(q.Context(), found.Key, t)
	}
	return answer{result: metrics.APIOK, body: tokenAnswer{p.good, t.Value.Reveal(), wholeSeconds(left)}}
}
