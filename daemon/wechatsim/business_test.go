package wechatsim_test

import (
	"strings"
	"testing"

	"wxtokend/daemon/wechatsim"
)

func TestTemplateMessage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s sim) {
		token := s.classic().Token
		send := func(token, body string) answer {
			return s.do("POST", wechatsim.PathTemplateSend+"?access_token="+token, body)
		}
		whole := `{"touser":"o","template_id":"t","data":{"first":{"value":"x"}}}`
		for n, want := range []string{`"msgid":1`, `"msgid":2`} {
			if a := send(token, whole); a.code() != 0 || !strings.Contains(a.body, want) {
				t.Errorf("message %d: %s", n, a.body)
			}
		}
		for body, want := range map[string]int{``: 44002, `{"template_id":"t"}`: 40003, `{"touser":"o"}`: 40037} {
			if a := send(token, body); a.code() != want {
				t.Errorf("%s: %s, want %d", body, a.body, want)
			}
		}
		if a := send("x", whole); a.code() != 40014 {
			t.Errorf("without a token: %s", a.body)
		}
		s.must(s.SetQuota(appid, wechatsim.PathTemplateSend, wechatsim.Quota{Limit: 1, Used: 1}))
		if a := send(token, whole); a.code() != 45009 {
			t.Errorf("over quota: %s", a.body)
		}
	})
}
