package tokenapi

import (
	"wxtokend/daemon/credential"
	"wxtokend/metrics"
)

// ok is how WeCom, and WeChat where it gives tickets, begin a good answer.
type ok struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

type corpAnswer struct {
	ok
	tokenAnswer
}

// corpToken serves WeCom's GET /cgi-bin/gettoken. The secret says which agent
// asks: with several of one corp each is a consumer of its own.
func (a *API) corpToken(q *request) answer {
	query := q.URL.Query()
	corp, secret := query.Get("corpid"), query.Get("corpsecret")
	refused := a.admit(q, secret)
	found, may := Credential{}, false
	if q.by != nil {
		found, may = q.by.byAccount[Identity{Kind: credential.WeCom, Account: corp}]
	}
	switch {
	case refused == metrics.APILimited:
		return wechat(refused, codeRate, limited)
	case corp == "":
		return wechat(metrics.APIBadRequest, codeNoAppID, "corpid missing")
	case secret == "":
		return wechat(refused, codeNoAppSecret, "corpsecret missing")
	case refused != "":
		return wechat(refused, codeCredential, "invalid credential: the secret of a consumer of wxtokend is wanted")
	case !may:
		return wechat(metrics.APIForbidden, codeAppID, "invalid corpid")
	}
	t, left, good := a.find(found)
	if !good {
		return wechat(metrics.APIUnavailable, codeBusy, noToken)
	}
	body := corpAnswer{ok{0, "ok"}, tokenAnswer{t.Value.Reveal(), wholeSeconds(left)}}
	return answer{result: metrics.APIOK, body: body}
}
