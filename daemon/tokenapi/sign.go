package tokenapi

import (
	"crypto/rand"
	// WeChat signs with it.
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxtokend/daemon/credential"
	"wxtokend/daemon/secret"
	"wxtokend/metrics"
)

// signature is what wx.config asks for, or WeCom's agentConfig, which has a
// corpid and an agentid of the app instead of the appId.
type signature struct {
	AppID     string `json:"appId,omitempty"`
	CorpID    string `json:"corpid,omitempty"`
	Timestamp int64  `json:"timestamp"`
	NonceStr  string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// sign serves POST /jssdk/KEY, for pages of the consumer's origins.
func (a *API) sign(q *request) answer {
	c, refused := a.named(q)
	if refused != "" {
		return denied(refused)
	}
	if c.Kind != credential.JSAPITicket && c.Kind != credential.WeComJSAPITicket && c.Kind != credential.WeComAgentTicket {
		return plain(metrics.APIBadRequest, http.StatusBadRequest, codeParameter,
			"this is not the key of a ticket that signs pages")
	}
	var body struct {
		URL string `json:"url"`
	}
	if !decode(q, &body) || body.URL == "" {
		return plain(metrics.APIBadRequest, http.StatusBadRequest, codeJSON,
			`the body must be {"url":"…"}, with the page's location.href`)
	}
	page, _, _ := strings.Cut(body.URL, "#")
	if strings.ContainsFunc(page, func(r rune) bool { return r > '~' }) {
		return plain(metrics.APIBadRequest, http.StatusBadRequest, codeParameter,
			"the URL must be percent-encoded, as the page's location.href gives it")
	}
	if origin := OriginOf(page); origin == "" || !slices.Contains(q.by.Origins, origin) {
		return plain(metrics.APIForbidden, http.StatusForbidden, codeParameter,
			"this consumer may have no page of that origin signed: see jssdk_origins")
	}
	t, _, good := a.find(c)
	if !good {
		return plain(metrics.APIUnavailable, http.StatusServiceUnavailable, codeBusy, noToken)
	}
	s := signature{AppID: c.Account, Timestamp: time.Now().Unix(), NonceStr: rand.Text()}
	if c.Kind == credential.WeComAgentTicket {
		s.AppID, s.CorpID = "", c.Account
	}
	s.Signature = signed(t.Value, s.NonceStr, s.Timestamp, page)
	return answer{result: metrics.APIOK, body: s}
}

// signed is WeChat's rule for the signature of a page.
func signed(ticket secret.Token, nonce string, timestamp int64, page string) string {
	text := fmt.Sprintf("jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket.Reveal(), nonce, timestamp, page)
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// OriginOf is scheme://host[:port] of a page, in small letters and without the
// default port, or "" of what no browser has as the address of a page. What a
// browser would read in another way than this does is no such address.
func OriginOf(page string) string {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
	scheme, rest, _ := strings.Cut(page, "://")
	// Nothing behind the host says where the page is from, and browsers leave there what Parse refuses.
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	u, err := url.Parse(scheme + "://" + rest)
	if err != nil || strings.ContainsFunc(page, strange) || strings.ContainsFunc(rest, inNoHost) || u.Hostname() == "" {
		return ""
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" {
		return ""
	}
	return u.Scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Host), ":"+port)
}

// inNoHost says that a browser has no such character in a host and its port. A
// name in other letters stands there in its ASCII form, xn--….
func inNoHost(r rune) bool {
	return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]", r)
}
