package tokenapi

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestServiceOf2016: its clients read exactly this, byte for byte.
func TestServiceOf2016(t *testing.T) {
	inWorld(t, func(w *world) {
		const path = "/WeChatService.ashx"
		token := func(key string) string {
			return `{"Status":true,"StatusCode":"OK","StatusMessage":"运行成功","RecordCount":0,"ResultValue":"` +
				value(key).Reveal() + `","PageCount":1,"Signature":""}`
		}
		clock := func(at string) string {
			return `{"Status":true,"StatusCode":"OK","StatusMessage":"成功获取服务器时间","RecordCount":0,` +
				`"ResultValue":"","PageCount":1,"Signature":"","Data":"` + at + `"}`
		}
		failed := func(code, message string) string {
			return `{"Status":false,"StatusCode":"` + code + `","StatusMessage":"` + message + `","RecordCount":0,` +
				`"ResultValue":"","PageCount":1,"Signature":""}`
		}
		const unknown = "UnknownError"
		for _, c := range []struct{ path, secret, want string }{
			{path + "?function=GetAccessToken", shop, token("A")},
			{path + "?function=getaccesstoken&key=A2", shop, token("A2")},
			{path + "?function=GetAccessToken&secret=" + corp, "", token("W")},
			{path + "?Function=GetAccessToken&SECRET=" + shop + "&Key=A2", "", token("A2")},
			{"/wechatservice.ashx?function=GetAccessToken&key=A-js", shop, token("A-js")},
			{path + "?function=GetAccessToken&key=W", shop, failed(unknown, "AccessToken获取失败。")},
			{path + "?function=GetAccessToken&key=none", shop, failed(unknown, "AccessToken获取失败。")},
			{path, shop, clock("2000-01-01 08:00:00")},
			{path + "?function=GetServerDateTime", shop, clock("2000-01-01 08:00:00")},
			{path + "?function=GetUser", shop, failed("Error", "function对应方法不存在。")},
		} {
			got := w.get(c.path, c.secret)
			w.expect(c.path, got, 200, c.want)
			if got.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Error(got.Header())
			}
		}
		w.expect("posted", w.ask(http.MethodPost, path, "function=GetAccessToken&secret="+shop, "",
			"Content-Type", "application/x-www-form-urlencoded"), 200, token("A"))
		for _, secret := range []string{"", nobody} {
			for _, function := range []string{"", "?function=GetAccessToken", "?function=GetAccessToken&key=W"} {
				got := w.get(path+function, secret).Body.String()
				if !strings.HasPrefix(got,
					`{"Status":false,"StatusCode":"UnknownError","StatusMessage":"AccessToken获取异常:`) {
					t.Error(got)
				}
			}
		}
		time.Sleep(2 * time.Hour)
		w.expect("expired", w.get(path+"?function=GetAccessToken", shop), 200, failed(unknown, "AccessToken获取失败。"))
	})
}
