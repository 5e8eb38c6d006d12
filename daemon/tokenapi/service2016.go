package tokenapi

import (
	"maps"
	"slices"
	"strings"
	"time"

	"wxtokend/metrics"
)

// baseResult is BaseResult of version 2.1, with its members in the order in
// which .NET writes them.
type baseResult struct {
	Status        bool
	StatusCode    string
	StatusMessage string
	RecordCount   int
	ResultValue   string
	PageCount     int
	Signature     string
}

// jsonResult is JsonResult<string>.
type jsonResult struct {
	baseResult
	Data string
}

// What the code of 2016 says.
const (
	text2016    = "text/plain; charset=utf-8"
	done2016    = "运行成功"
	failed2016  = "AccessToken获取失败。"
	refused2016 = "AccessToken获取异常:"
	time2016    = "成功获取服务器时间"
	unknown2016 = "function对应方法不存在。"
)

// service2016 serves WeChatService.ashx, of whose clients the URL alone
// changes: the secret may stand in it.
func (a *API) service2016(q *request) answer {
	_ = q.ParseForm()
	secret := bearer(q.Request)
	if secret == "" {
		secret = parameter(q, "secret")
	}
	refused := a.admit(q, secret)
	switch {
	case refused == metrics.APILimited:
		return failed(refused, "UnknownError", refused2016+limited)
	case refused != "":
		return failed(refused, "UnknownError", refused2016+"the secret of a consumer of wxtokend is wanted")
	}
	switch strings.ToLower(parameter(q, "function")) {
	case "getaccesstoken":
		return a.accessToken2016(q)
	case "", "getserverdatetime":
		now := time.Now().In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateTime)
		return answer{result: metrics.APIOK, contentType: text2016, body: jsonResult{
			baseResult{Status: true, StatusCode: "OK", StatusMessage: time2016, PageCount: 1}, now,
		}}
	}
	return failed(metrics.APIBadRequest, "Error", unknown2016)
}

func (a *API) accessToken2016(q *request) answer {
	c, may := q.by.Keys[0], true
	if key := parameter(q, "key"); key != "" {
		c, may = q.by.byKey[key]
	}
	if !may {
		return failed(metrics.APIForbidden, "UnknownError", failed2016)
	}
	t, _, good := a.find(c)
	if !good {
		return failed(metrics.APIUnavailable, "UnknownError", failed2016)
	}
	return answer{result: metrics.APIOK, contentType: text2016, body: baseResult{
		Status: true, StatusCode: "OK", StatusMessage: done2016, ResultValue: t.Value.Reveal(), PageCount: 1,
	}}
}

// parameter finds one whose name is written in any case, as .NET does. A client
// that writes Function would otherwise get the time, and take it for its token.
func parameter(q *request, name string) string {
	for _, key := range slices.Sorted(maps.Keys(q.Form)) {
		if strings.EqualFold(key, name) {
			return q.Form.Get(key)
		}
	}
	return ""
}

func failed(result metrics.APIResult, code, message string) answer {
	return answer{result: result, contentType: text2016,
		body: baseResult{StatusCode: code, StatusMessage: message, PageCount: 1}}
}
