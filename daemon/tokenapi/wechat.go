package tokenapi

import (
	"encoding/json"
	"io"

	"wxtokend/daemon/credential"
	"wxtokend/metrics"
)

// tokenAnswer is what WeChat answers to a call for a token.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
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

// decode reads the body, which is one JSON value.
func decode(q *request, into any) bool {
	body, err := io.ReadAll(q.Body)
	return err == nil && json.Unmarshal(body, into) == nil
}

// official answers a call as WeChat does, in the order of its checks.
func (a *API) official(q *request, c call) answer {
	refused := a.admit(q, c.Secret)
	found, may := Credential{}, false
	if q.by != nil {
		found, may = q.by.byAccount[Identity{Kind: credential.OfficialAccount, Account: c.AppID}]
	}
	switch {
	case refused == metrics.APILimited:
		return wechat(refused, codeRate, limited)
	case c.GrantType != "client_credential":
		return wechat(metrics.APIBadRequest, codeGrantType, "invalid grant_type")
	case c.AppID == "":
		return wechat(metrics.APIBadRequest, codeNoAppID, "appid missing")
	case c.Secret == "":
		return wechat(refused, codeNoAppSecret, "appsecret missing")
	case refused != "":
		return wechat(refused, codeAppSecret, "invalid appsecret: the secret of a consumer of wxtokend is wanted")
	case !may:
		return wechat(metrics.APIForbidden, codeAppID, "invalid appid")
	}
	t, left, good := a.find(found)
	if !good {
		return wechat(metrics.APIUnavailable, codeBusy, noToken)
	}
	if c.Force {
		a.report(q.Context(), found.Key, t)
	}
	return answer{result: metrics.APIOK, body: tokenAnswer{t.Value.Reveal(), wholeSeconds(left)}}
}
