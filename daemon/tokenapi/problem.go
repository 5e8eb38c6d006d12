package tokenapi

import (
	"net/http"
	"strings"

	"wxtokend/metrics"
)

// WeChat's codes for what can be wrong with a request. An SDK acts by them.
const (
	codeBusy        = -1
	codeCredential  = 40001
	codeGrantType   = 40002
	codeAppID       = 40013
	codeToken       = 40014
	codeParameter   = 40035
	codeAppSecret   = 40125
	codeNoToken     = 41001
	codeNoAppID     = 41002
	codeNoAppSecret = 41004
	codeNeedsGet    = 43001
	codeNeedsPost   = 43002
	codeRate        = 45011
	codeJSON        = 47001
)

const (
	noToken = "system error: there is no token for readers of this key now that lives as long as you need; " +
		"try again in seconds"
	limited = "too many wrong secrets from this address: try again in seconds"
)

// outcome is all of an error as WeChat writes it, and how WeCom, and WeChat
// where it gives tickets, begin a good answer.
type outcome struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

// plain is an error of the paths that are ours alone.
func plain(result metrics.APIResult, status, code int, message string) answer {
	return answer{result: result, status: status, body: outcome{code, message}}
}

// denied is what somebody gets who may not read what he asks for. A key of
// others and one that does not exist are the same.
func denied(why metrics.APIResult) answer {
	switch why {
	case metrics.APILimited:
		return plain(why, http.StatusTooManyRequests, codeRate, limited)
	case metrics.APIForbidden:
		return plain(why, http.StatusForbidden, codeAppID, "this consumer may read no such key")
	}
	return plain(metrics.APIUnauthorized, http.StatusUnauthorized, codeAppSecret,
		"invalid secret: send the secret of a consumer as Authorization: Bearer")
}

// wechat is an error on one of WeChat's own paths, where HTTP always says 200:
// SDKs look at the code, and some give up at any other status.
func wechat(result metrics.APIResult, code int, message string) answer {
	return answer{result: result, body: outcome{code, message}}
}

// by lets through to answer what comes by the method; HEAD is a GET. The secret
// that something else shows is not looked at.
func by(method string, to func(*request) answer) func(*request) answer {
	code, message := codeNeedsGet, "require GET method"
	if method == http.MethodPost {
		code, message = codeNeedsPost, "require POST method"
	}
	return func(q *request) answer {
		switch {
		case q.Method == method || method == http.MethodGet && q.Method == http.MethodHead:
			return to(q)
		case strings.HasPrefix(q.URL.Path, "/cgi-bin/"):
			return wechat(metrics.APIBadRequest, code, message)
		}
		wrong := plain(metrics.APIBadRequest, http.StatusMethodNotAllowed, code, message)
		wrong.allow = method
		return wrong
	}
}
