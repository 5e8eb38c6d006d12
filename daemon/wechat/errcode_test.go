package wechat_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"wxtokend/daemon/wechat"
)

func TestClasses(t *testing.T) {
	want := map[wechat.Class][]int{
		wechat.ClassTransient: {-1},
		wechat.ClassRate:      {45011, 45033},
		wechat.ClassQuota:     {45009},
		wechat.ClassConfig: {40001, 40002, 40013, 40066, 40091, 40125, 41002, 41004, 43002, 43003, 44002, 47001, 48001, 48002,
			61007, 61024},
		wechat.ClassIP:      {40164, 60020, 61004},
		wechat.ClassAdmin:   {89501, 89503, 89506, 89507},
		wechat.ClassAccount: {40243, 48004, 50002, 50004, 50007},
	}
	got := map[wechat.Class][]int{}
	for _, e := range wechat.Codes() {
		if e.Class != wechat.ClassUnknown {
			got[e.Class] = append(got[e.Class], e.Code)
		}
	}
	for class, codes := range want {
		if !slices.Equal(got[class], codes) {
			t.Errorf("%s: %v, want %v", class, got[class], codes)
		}
		delete(got, class)
	}
	if len(got) > 0 {
		t.Errorf("more classes: %v", got)
	}
}

// A code has another class at WeCom where it means something else there.
func TestClassesAtWeCom(t *testing.T) {
	want := map[int]wechat.Class{
		40066: wechat.ClassUnknown, 45009: wechat.ClassRate, 48004: wechat.ClassConfig, 50002: wechat.ClassUnknown,
	}
	for _, e := range wechat.Codes() {
		class, differs := want[e.Code]
		if !differs {
			class = e.Class
		}
		if e.WeCom != class {
			t.Errorf("%d: %s, want %s", e.Code, e.WeCom, class)
		}
	}
}

func TestTable(t *testing.T) {
	texts := map[string]int{}
	for _, e := range wechat.Codes() {
		if first, twice := texts[e.English]; twice {
			t.Errorf("%d and %d have one meaning: %s", first, e.Code, e.English)
		}
		texts[e.English] = e.Code
		checkEntry(t, e)
	}
	for _, code := range []int{12345, 4000, 400011, 7200} { // as a number elsewhere in the table, or a part of one
		if e, ok := wechat.Lookup(code); ok {
			t.Errorf("Lookup(%d) found %+v", code, e)
		}
	}
}

func checkEntry(t *testing.T, e wechat.Errcode) {
	t.Helper()
	han := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	for _, text := range []string{e.English, e.Chinese, e.Cure, e.CureChinese} {
		if text == "" || strings.TrimSpace(text) != text || strings.HasSuffix(text, ".") ||
			strings.HasSuffix(text, "。") || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%d: %q", e.Code, text)
		}
	}
	if !han(e.Chinese) || !han(e.CureChinese) || han(e.English) {
		t.Errorf("%d: languages: %+v", e.Code, e)
	}
}

// Each code that people are promised an explanation of, so that none gets lost:
// those of the token endpoints, and those that an app meets with a token.
func TestTableIsComplete(t *testing.T) {
	spans := [][2]int{
		{-1, 0}, {10700, 10700}, {10703, 10703}, {10706, 10706}, {40001, 40051}, {41001, 41009},
		{42001, 42003}, {43001, 43005},
		{44001, 44004}, {45001, 45018}, {46001, 46003}, {47001, 47001}, {48001, 48001}, {50001, 50001}, {61450, 61457},
		{61500, 61501}, {62751, 62751},
		// Of the token endpoints, or in front of them.
		{40066, 40066}, {40125, 40125}, {40164, 40164}, {40243, 40243}, {48004, 48004}, {50002, 50002},
		{50004, 50004}, {50007, 50007},
		{61004, 61004}, {61007, 61007}, {61024, 61024}, {89501, 89501}, {89503, 89507},
		{40091, 40091}, {45033, 45033}, {48002, 48002}, {60020, 60020},
		// Of the calls around them.
		{40234, 40234}, {42007, 42007}, {48006, 48006}, {61005, 61006}, {61011, 61011}, {61023, 61023}, {76021, 76022},
	}
	promised := 0
	for _, span := range spans {
		for code := span[0]; code <= span[1]; code++ {
			promised++
			var out bytes.Buffer
			if err := wechat.Explain(&out, code); err != nil {
				t.Error(err)
			}
		}
	}
	if got := len(wechat.Codes()); got != promised {
		t.Errorf("the table has %d codes, this test names %d", got, promised)
	}
}

func TestExplain(t *testing.T) {
	for code, want := range map[int][]string{
		40001: {"errcode 40001\n", "class:   config\n", "at a token endpoint: the AppSecret is wrong",
			"in any other call: the access_token is invalid", "含义：   获取 token 时", "处理：   "},
		40164: {"class:   ip\n", "whitelist", "IP 白名单", "微信开发者平台", "开发接口管理"},
		40014: {"class:   none (the token endpoints do not return it)\n", "another account"},
		40243: {"class:   account\n", "ten minutes", "10 分钟"},
		89506: {"class:   admin\n", "24 hours", "24 小时"},
		89507: {"class:   admin\n", "one hour", "1 小时"},
		-1:    {"errcode -1\n", "class:   transient\n"},
		60020: {"class:   ip\n", "gettoken works from every address", "trusted addresses", "企业可信IP", "可信 IP"},
		40234: {"class:   none (the token endpoints do not return it)\n",
			"says nothing about the access_token", "API 安全"},
		45009: {"class:   quota; at WeCom: rate\n", "2,000 wrong ones", "2000 次"},
		40066: {"class:   config; at WeCom: none\n", "departments", "部门"},
		61023: {"api_get_authorizer_list", "所有账号"},
	} {
		var out bytes.Buffer
		if err := wechat.Explain(&out, code); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%d: no %q in\n%s", code, text, out.String())
			}
		}
		if n := strings.Count(out.String(), "\n"); n != 6 {
			t.Errorf("%d: %d lines", code, n)
		}
	}
	for code, want := range map[int]string{
		40165: "explain: errcode 40165 is not in the table; the nearest are 40164, 40125 and 40234",
		99999: "explain: errcode 99999 is not in the table; the nearest are 89507, 89506 and 89505",
		7:     "explain: errcode 7 is not in the table; the nearest are 0, -1 and 10700",
	} {
		if err := wechat.Explain(&bytes.Buffer{}, code); err == nil || err.Error() != want {
			t.Errorf("%d: %v", code, err)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestExplainReportsTheWriter(t *testing.T) {
	if err := wechat.Explain(fullDisk{}, 40001); !errors.Is(err, errFull) {
		t.Error(err)
	}
}
