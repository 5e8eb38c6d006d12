package wechat_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/wechat"
	"wxtokend/daemon/wechatsim"
)

const (
	appID        = "wx0123456789abcdef"
	canarySecret = "5ec2e7c4a4a2900d5ec2e7c4a4a2900d"
	canaryToken  = "97_CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789CANARYtoken0123456789"
	granted      = `{"access_token":"` + canaryToken + `","expires_in":7200}`
)

func client(t *testing.T, o wechat.Options) *wechat.Client {
	t.Helper()
	c, err := wechat.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// within gives a call more time than it needs: these tests wait for nothing.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func mint(ctx context.Context, c *wechat.Client, api string) (wechat.Grant, error) {
	if api == "classic" {
		return c.ClassicToken(ctx, appID, canarySecret)
	}
	return c.StableToken(ctx, appID, canarySecret, false)
}

// failure demands that err is an *Error.
func failure(t *testing.T, err error) *wechat.Error {
	t.Helper()
	var e *wechat.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v is no *wechat.Error", err, err)
	}
	return e
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func TestMintStable(t *testing.T) {
	for force, body := range map[bool]string{
		false: `{"appid":"wx0123456789abcdef","force_refresh":false,"grant_type":"client_credential","secret":"` +
			canarySecret + `"}`,
		true: `{"appid":"wx0123456789abcdef","force_refresh":true,"grant_type":"client_credential","secret":"` +
			canarySecret + `"}`,
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if r.Method != "POST" || r.URL.String() != "/cgi-bin/stable_token" || string(got) != body {
				t.Errorf("%s %s %s", r.Method, r.URL, got)
			}
			if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil ||
				r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("length %d, encoding %v, type %q", r.ContentLength, r.TransferEncoding, r.Header.Get("Content-Type"))
			}
			checkHeaders(t, r)
			w.Header().Set("Content-Type", "text/plain") // not insisted on
			w.Header().Set("Date", "Wed, 16 Nov 2016 12:40:00 GMT")
			_, _ = io.WriteString(w, granted)
		})
		got, err := client(t, wechat.Options{BaseURL: base}).StableToken(within(t), appID, canarySecret, force)
		want := wechat.Grant{Token: canaryToken, ExpiresIn: 2 * time.Hour,
			ServerTime: time.Date(2016, 11, 16, 12, 40, 0, 0, time.UTC)}
		if err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func checkHeaders(t *testing.T, r *http.Request) {
	t.Helper()
	if r.Header.Get("User-Agent") != "wxtokend" || r.Header.Get("Accept-Encoding") != "identity" || !r.Close {
		t.Errorf("agent %q, encoding %q, close %v", r.Header.Get("User-Agent"), r.Header.Get("Accept-Encoding"), r.Close)
	}
}

func TestMintClassic(t *testing.T) {
	const odd = "a&b=c+d%/é" // must survive the query
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		want := url.Values{"grant_type": {"client_credential"}, "appid": {appID}, "secret": {odd}}
		if r.Method != "GET" || r.URL.Path != "/gateway/cgi-bin/token" || r.URL.Query().Encode() != want.Encode() {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		checkHeaders(t, r)
		answer(granted)(w, r)
	})
	got, err := client(t, wechat.Options{BaseURL: base + "/gateway/"}).ClassicToken(within(t), appID, odd)
	if err != nil || got.Token != canaryToken || got.ExpiresIn != 2*time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
}

// What stands between may compress what it passes on, or put a byte order mark before it.
func TestAnswerThatWasChangedOnItsWay(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, granted)
	_ = z.Close()
	for name, test := range map[string]struct{ encoding, body, says string }{
		"gzip":                  {"gzip", zipped.String(), "the answer is encoded as gzip, which was not asked for ("},
		"another":               {"br", "\x1b\x03", "the answer is encoded as br, which was not asked for ("},
		"a name of a character": {"utf-8", granted, ""},
		"byte order mark":       {"", "\ufeff" + granted, ""},
		"nothing but that mark": {"", "\ufeff", "the answer is empty ("},
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", test.encoding)
			answer(test.body)(w, r)
		})
		got, err := mint(within(t), client(t, wechat.Options{BaseURL: base}), "classic")
		if test.says == "" {
			if err != nil || got.Token != canaryToken {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			continue
		}
		e := failure(t, err)
		if e.Class != wechat.ClassGarbage || e.Issued != wechat.MaybeIssued || !strings.HasPrefix(e.Message, test.says) {
			t.Errorf("%s: %#v", name, e)
		}
	}
}

// A base_url that goes on behind the host as in WeChat's documentation, or a
// relay that passes the token's path alone.
func TestAddressThatIsNoInterface(t *testing.T) {
	base := serve(t, simulator(t).ServeHTTP)
	for _, path := range []string{"/cgi-bin", "/cgi-bin/token", "/cgi-bin/stable_token/"} {
		c := client(t, wechat.Options{BaseURL: base + path})
		for _, api := range []string{"stable", "classic"} {
			_, err := mint(within(t), c, api)
			e := failure(t, err)
			if e.Code != 40066 || e.Class != wechat.ClassConfig ||
				!strings.Contains(err.Error(), "let wechat.base_url end before /cgi-bin") {
				t.Errorf("%s, %s: %v", path, api, err)
			}
		}
	}
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed} {
		base := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		err := client(t, wechat.Options{BaseURL: base}).Verify(within(t), canaryToken)
		e := failure(t, err)
		if e.Class != wechat.ClassGarbage || !strings.Contains(e.Message, "wechat.base_url has to end before /cgi-bin") ||
			!strings.Contains(e.Message, "has to pass all of /cgi-bin") {
			t.Errorf("%d: %#v", status, e)
		}
	}
}

// A verification draws no token, so none can be lost with its answer.
func TestOnlyAMintMayHaveIssued(t *testing.T) {
	for _, handler := range []http.HandlerFunc{
		answer("<html>"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		c := client(t, wechat.Options{BaseURL: serve(t, handler)})
		_, err := mint(within(t), c, "stable")
		if text := err.Error(); !strings.HasSuffix(text, "; WeChat may have issued a token") {
			t.Error(text)
		}
		if err := c.Verify(within(t), canaryToken); strings.Contains(err.Error(), "issued") {
			t.Error(err)
		}
	}
}

func simulator(t *testing.T) *wechatsim.Server {
	t.Helper()
	sim, err := wechatsim.New(wechatsim.Options{Apps: []wechatsim.App{{AppID: appID, Secret: canarySecret}}})
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func TestVerify(t *testing.T) {
	for body, want := range map[string]struct {
		accepted, refused bool
		class             wechat.Class
	}{
		`{"ip_list":["101.226.103.0/25"]}`:             {accepted: true},
		`{"errcode":40001,"errmsg":"not latest"}`:      {refused: true, class: wechat.ClassConfig},
		`{"errcode":40014,"errmsg":"invalid"}`:         {refused: true, class: wechat.ClassUnknown},
		`{"errcode":42001,"errmsg":"expired"}`:         {refused: true, class: wechat.ClassUnknown},
		`{"errcode":41001,"errmsg":"missing"}`:         {class: wechat.ClassUnknown},
		`{"errcode":40164,"errmsg":"invalid ip"}`:      {class: wechat.ClassIP},
		`{"errcode":45009,"errmsg":"reach max"}`:       {class: wechat.ClassQuota},
		`{"errcode":48001,"errmsg":"unauthorized"}`:    {class: wechat.ClassConfig},
		`{"errcode":-1,"errmsg":"system error"}`:       {class: wechat.ClassTransient},
		`<html>40001</html>`:                           {class: wechat.ClassGarbage},
		`{"errcode":0,"errmsg":"ok"}`:                  {class: wechat.ClassGarbage},
		`{"access_token":"` + canaryToken + `","x":1}`: {class: wechat.ClassGarbage},
	} {
		base := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" || r.URL.String() != "/cgi-bin/get_api_domain_ip?access_token="+canaryToken {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			checkHeaders(t, r)
			answer(body)(w, r)
		})
		err := client(t, wechat.Options{BaseURL: base}).Verify(within(t), canaryToken)
		if want.accepted {
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if e := failure(t, err); e.Refused() != want.refused || e.Class != want.class || e.Op != "verify token" {
			t.Errorf("%s: refused %v, class %s, %v", body, e.Refused(), e.Class, e)
		}
	}
}

// A 40001 of a mint is about the AppSecret: it must not look like a dead token.
func TestMintNeverRefusesAToken(t *testing.T) {
	for _, code := range []string{"40001", "40014", "42001"} {
		_, err := mint(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(`{"errcode":`+code+`}`))}), "classic")
		if e := failure(t, err); e.Refused() || e.Issued != wechat.NotIssued || !e.Left() {
			t.Errorf("%s: %#v", code, e)
		}
	}
}

func TestNewRejects(t *testing.T) {
	for _, o := range []wechat.Options{
		{},
		{BaseURL: "api.weixin.qq.com"},
		{BaseURL: "https://"},
		{BaseURL: "https://:443"},
		{BaseURL: "https://host:port" + canarySecret},
		{BaseURL: "https://host", Proxy: "host:3128"},
		{BaseURL: "https://host", Proxy: "http://user:" + canarySecret + "@%zz"},
	} {
		if _, err := wechat.New(o); err == nil || strings.Contains(err.Error(), canarySecret) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, proxy := range []string{"http://u:p@host:3128", "https://host", "socks5://host:1080", "socks5h://host"} {
		client(t, wechat.Options{BaseURL: "https://api.weixin.qq.com", Proxy: proxy})
	}
}

func TestTokenTypesStayOpaque(t *testing.T) {
	got, err := mint(within(t), client(t, wechat.Options{BaseURL: serve(t, answer(granted))}), "stable")
	if err != nil || got.Token.Fingerprint() != secret.Token(canaryToken).Fingerprint() {
		t.Errorf("%v, %v", got, err)
	}
}
