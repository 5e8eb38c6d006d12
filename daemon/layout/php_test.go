package layout_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"wxtokend/daemon/layout"
	"wxtokend/daemon/secret"
)

// php asks one PHP process what it makes of each question: "unserialize" answers the value serialised again and as
// JSON, "json_encode" answers the text as JSON. It skips loudly where PHP is not installed, and fails where somebody
// relies on the tests.
func php(t *testing.T, what string, questions []string) [][2]string {
	t.Helper()
	if _, err := exec.LookPath("php"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI=true, but php is not installed: nobody would know whether PHP reads what is written for it")
		}
		t.Skip("SKIPPED, NOT PASSED: php is not installed (Debian: apt-get install php-cli)")
	}
	var in bytes.Buffer
	for _, question := range questions {
		line, err := json.Marshal([]any{what, []byte(question)})
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	command := exec.CommandContext(t.Context(), "php", "-n", "testdata/read.php")
	command.Stdin, command.Stderr = &in, os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][2]string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var answer [2][]byte
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			t.Fatalf("PHP says %s: %v", lines.Text(), err)
		}
		answers = append(answers, [2]string{string(answer[0]), string(answer[1])})
	}
	check(t, "answers of PHP", len(answers), len(questions))
	return answers
}

// randomTokens are of every printable ASCII letter and of every length that a token may have.
func randomTokens() []string {
	random := rand.New(rand.NewPCG(1, 2))
	tokens := []string{`"`, `\`, `";`, `s:1:"a";`, "}", "N;", "b:0;", "0", strings.Repeat("~", 512)}
	for length := 1; length <= 512; length += 3 {
		token := make([]byte, length)
		for i := range token {
			token[i] = byte('!' + random.IntN('~'-'!'+1))
		}
		tokens = append(tokens, string(token))
	}
	return tokens
}

// TestPHPReadsWhatIsWritten: PHP gets the token back, and would write the same bytes itself.
func TestPHPReadsWhatIsWritten(t *testing.T) {
	s := subject("official_account")
	text := mirrorsOf(t, to{Key: "a", Format: "php_string"}, s)[0]
	array := mirrorsOf(t, to{Key: "a", Format: "php_array"}, s)[0]
	answer := mirrorsOf(t, to{Layout: "easywechat5"}, subject("jsapi_ticket"))[0]
	var written, wanted []string
	for i, token := range randomTokens() {
		life := time.Duration(i+1) * 977 * time.Second
		for _, m := range []layout.Mirror{text, array, answer} {
			value, _ := m.Entry(secret.Token(token), life, ends, ends.Add(-life)).Reveal()
			written = append(written, value)
		}
		members := struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int    `json:"expires_in"`
		}{token, int(life.Seconds())}
		reply := struct {
			Errcode   int    `json:"errcode"`
			Errmsg    string `json:"errmsg"`
			Ticket    string `json:"ticket"`
			ExpiresIn int    `json:"expires_in"`
		}{0, "ok", token, members.ExpiresIn}
		wanted = append(wanted, asJSON(t, token), asJSON(t, members), asJSON(t, reply))
	}
	for i, read := range php(t, "unserialize", written) {
		check(t, "PHP's own bytes", read[0], written[i])
		check(t, "the value in PHP", read[1], wanted[i])
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// TestPHPJSON: keys of EasyWeChat 5 are hashes over what json_encode writes.
func TestPHPJSON(t *testing.T) {
	texts := append(randomTokens(), "", "a b", "a/b", "密钥", "\U0001F511", "\x7f")
	for i, read := range php(t, "json_encode", texts) {
		check(t, texts[i], layout.PHPJSON(texts[i]), read[0])
	}
}

// FuzzEntry: JSON holds what it is given, and nothing is ever empty.
func FuzzEntry(f *testing.F) {
	f.Add(token(1).Reveal(), int64(7200), int64(1479300000))
	f.Add(`a"b\c<>&'/`, int64(1), int64(0))
	f.Fuzz(func(t *testing.T, text string, life, expires int64) {
		if !usable(text) || life <= 0 || life > 2592000 || expires < 0 || expires > 1<<32 {
			t.Skip("nothing that a platform could send")
		}
		at := time.Unix(expires, 0)
		for _, format := range layout.Formats() {
			m := mirrorsOf(t, to{Key: "a", Format: format, UTCOffset: "+0800"}, subject("official_account"))[0]
			e := m.Entry(secret.Token(text), time.Duration(life)*time.Second, at, at.Add(-time.Minute))
			value, fields := e.Reveal()
			if (value == "") != (format == layout.Hash) || (len(fields) > 0) != (format == layout.Hash) {
				t.Errorf("%s: %q, %q", format, value, fields)
			}
			var object struct {
				AccessToken string `json:"access_token"`
				ExpiresIn   int64  `json:"expires_in"`
			}
			switch format {
			case layout.JSON, layout.JSONObject:
				if json.Unmarshal([]byte(value), &object) != nil || object.AccessToken != text || object.ExpiresIn != life {
					t.Errorf("%s of %q for %d: %s", format, text, life, value)
				}
			case layout.JSONString:
				check(t, "JSON string", value, asJSON(t, text))
			}
		}
	})
}
