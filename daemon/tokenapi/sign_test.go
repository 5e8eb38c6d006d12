package tokenapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSignature is the example of WeChat's own page on JS-SDK.
func TestSignature(t *testing.T) {
	got := signed("sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg",
		"Wm3WZYTPz0wzccnW", 1414587457, "http://mp.weixin.qq.com?params=value")
	if got != "0f9de62fce790f9a083d5c99e95740ceb90c27ed" {
		t.Error(got)
	}
}

func (w *world) sign(key, page, secret string) (answer map[string]any, code int) {
	w.Helper()
	body, err := json.Marshal(map[string]string{"url": page})
	if err != nil {
		w.Fatal(err)
	}
	got := w.ask(http.MethodPost, "/jssdk/"+key, string(body), secret)
	if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil {
		w.Fatalf("%d %s", got.Code, got.Body)
	}
	if strings.Contains(got.Body.String(), "token-of-") {
		w.Errorf("a ticket in %s", got.Body)
	}
	return answer, got.Code
}

func TestSign(t *testing.T) {
	inWorld(t, func(w *world) {
		time.Sleep(time.Minute)
		nonces := map[any]bool{}
		for _, c := range []struct{ key, page, signs, secret, name, account string }{
			{"A-js", "https://shop.example.com/a?b=c%20d", "https://shop.example.com/a?b=c%20d", shop, "appId", "wx1"},
			{"A-js", "https://shop.example.com/#!/cart?x#y", "https://shop.example.com/", shop, "appId", "wx1"},
			{"A-js", "https://SHOP.example.com:443/x", "https://SHOP.example.com:443/x", shop, "appId", "wx1"},
			{"A-js", "http://localhost:8080", "http://localhost:8080", shop, "appId", "wx1"},
			{"A-js", "https://shop.example.com/50%?a=b|c%zz", "https://shop.example.com/50%?a=b|c%zz", shop, "appId", "wx1"},
			{"W-js", "https://corp.example.com/", "https://corp.example.com/", corp, "appId", "ww1"},
			{"W-agent", "https://corp.example.com/", "https://corp.example.com/", corp, "corpid", "ww1"},
		} {
			got, code := w.sign(c.key, c.page, c.secret)
			nonce, _ := got["nonceStr"].(string)
			want := signed(value(c.key), nonce, time.Now().Unix(), c.signs)
			if code != 200 || len(got) != 4 || got[c.name] != c.account || got["signature"] != want ||
				got["timestamp"] != float64(time.Now().Unix()) || len(nonce) < 16 || nonces[nonce] {
				t.Errorf("%s: %d %v, want %s", c.page, code, got, want)
			}
			nonces[nonce] = true
		}
	})
}

// TestOriginOf: an origin is what a browser says it is, and what no browser says is none.
func TestOriginOf(t *testing.T) {
	const shop = "https://shop.example.com"
	for page, want := range map[string]string{
		shop + "/50%/x": shop, shop + "?x": shop, "HTTPS://shop.example.com:443/": shop,
		shop + "./": shop + ".", shop + ":8443/": shop + ":8443", shop + ".evil.example/": shop + ".evil.example",
		"http://[::1]:80/x": "http://[::1]", "https://xn--fiq228c.example/": "https://xn--fiq228c.example",
		"": "", "https:shop.example.com": "", "https:/shop.example.com/": "", "https:///shop.example.com/": "",
		"/https://shop.example.com/": "", "blob:" + shop + "/x": "", "ftp://shop.example.com/": "",
		"https://*.example.com": "", shop + ";x/": "", shop + "\"/": "", shop + ",evil.example/": "",
		"https://shop%2eexample.com/": "", "https://%E2%84%AA.example.com/": "", "https://@shop.example.com/": "",
		"https://evil.example:443@shop.example.com/": "", shop + ":443@evil.example/": "", shop + ":443:443/": "",
		shop + "\\@evil.example/": "", shop + "/\n": "", "https://sho\tp.example.com/": "", " " + shop + "/": "",
	} {
		if got := OriginOf(page); got != want {
			t.Errorf("%q: %q, want %q", page, got, want)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	inWorld(t, func(w *world) {
		const page = "https://shop.example.com/"
		for _, c := range []struct {
			key, page, secret string
			status, code      int
		}{
			{"A-js", page, "", 401, 40125},
			{"A-js", page, nobody, 401, 40125},
			{"A-js", page, corp, 403, 40013},
			{"B-js", page, shop, 403, 40013},
			{"none", page, shop, 403, 40013},
			{"A", page, shop, 400, 40035},
			{"A-card", page, shop, 400, 40035},
			{"A-js", "", shop, 400, 47001},
			{"W-js", page, corp, 403, 40035},
			{"A-js", "http://shop.example.com/", shop, 403, 40035},
			{"A-js", "https://shop.example.com:8443/", shop, 403, 40035},
			{"A-js", "https://shop.example.com.evil.example/", shop, 403, 40035},
			{"A-js", "https://evil.example/https://shop.example.com/", shop, 403, 40035},
			{"A-js", "https://shop.example.com@evil.example/", shop, 403, 40035},
			{"A-js", "https://user:password@shop.example.com/", shop, 403, 40035},
			{"A-js", "https://evil.example\\@shop.example.com/", shop, 403, 40035},
			{"A-js", "https://evil.example#@shop.example.com/", shop, 403, 40035},
			{"A-js", "https://shop.example.com/ x", shop, 403, 40035},
			{"A-js", "https://shop.example.com/中", shop, 400, 40035},
			{"A-js", "https://shop.example.com/%E4%B8%AD x", shop, 403, 40035},
			{"A-js", "//shop.example.com/", shop, 403, 40035},
			{"A-js", "javascript://shop.example.com/", shop, 403, 40035},
			{"A-js", page + strings.Repeat("x", 8<<10), shop, 400, 47001},
		} {
			got, status := w.sign(c.key, c.page, c.secret)
			if status != c.status || got["errcode"] != float64(c.code) {
				t.Errorf("%s of %s: %d %v, want %d, %d", c.key, c.page, status, got, c.status, c.code)
			}
		}
		for _, body := range []string{"", "{}", `"` + page + `"`, `{"url":1}`} {
			w.refused(body, w.ask(http.MethodPost, "/jssdk/A-js", body, shop), 400, 47001)
		}
		w.daemon.drop("A-js")
		if got, status := w.sign("A-js", page, shop); status != 503 || got["errcode"] != float64(-1) {
			t.Errorf("no ticket: %d %v", status, got)
		}
		if got := w.get("/jssdk/A-js", shop); got.Code == 200 {
			t.Error(fmt.Sprint("GET: ", got.Body))
		}
	})
}
