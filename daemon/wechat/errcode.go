package wechat

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Errcode is one of WeChat's return codes, in words of our own.
type Errcode struct {
	Code int
	// Class is what it means for a mint, unknown if the token endpoints do not return it; WeCom is the same at WeCom.
	Class, WeCom Class
	English      string
	Cure         string
	Chinese      string
	CureChinese  string
}

// errcodes is a table: a line of names, then one line for each code in rising
// order, its columns those of Errcode with a tab between them. WeCom shares most
// codes with WeChat: where one means something else there, the texts say both,
// and the class is WeChat's/WeCom's. The sources are WeChat's pages of
// getAccessToken and getStableAccessToken, its page "API IP 白名单", the pages of
// global return codes (全局返回码) of both, and reports of developers, which alone
// know 40234 and the four of a message that its user does not get (10700, 10703,
// 10706, 62751).
//
//go:embed errcodes.tsv
var errcodes string

// Lookup finds a code. It reads the table itself, which takes microseconds: no
// start of a program pays for what only failures need.
func Lookup(code int) (Errcode, bool) {
	_, rest, found := strings.Cut(errcodes, "\n"+strconv.Itoa(code)+"\t")
	if !found {
		return Errcode{}, false
	}
	line, _, _ := strings.Cut(rest, "\n")
	column := strings.Split(line, "\t")
	class, atWeCom, differs := strings.Cut(column[0], "/")
	if !differs {
		atWeCom = class
	}
	return Errcode{code, Class(class), Class(atWeCom), column[1], column[2], column[3], column[4]}, true
}

// Codes returns all codes of the table in rising order.
func Codes() []Errcode {
	var all []Errcode
	for line := range strings.Lines(errcodes) {
		digits, _, _ := strings.Cut(line, "\t")
		if code, err := strconv.Atoi(digits); err == nil {
			entry, _ := Lookup(code)
			all = append(all, entry)
		}
	}
	return all
}

// Explain writes what a code means and what to do about it, in English and
// Chinese. The error names the nearest codes if there is no such code.
func Explain(w io.Writer, code int) error {
	entry, known := Lookup(code)
	if !known {
		return fmt.Errorf("explain: errcode %d is not in the table; the nearest are %s", code, nearest(code))
	}
	class := string(entry.Class)
	if entry.Class == ClassUnknown {
		class = "none (the token endpoints do not return it)"
	}
	if entry.WeCom != entry.Class {
		class += "; at WeCom: " + strings.Replace(string(entry.WeCom), string(ClassUnknown), "none", 1)
	}
	_, err := fmt.Fprintf(w, "errcode %d\nclass:   %s\nmeaning: %s\ncure:    %s\n含义：   %s\n处理：   %s\n",
		entry.Code, class, entry.English, entry.Cure, entry.Chinese, entry.CureChinese)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}

// nearest names the three codes closest to one that is not in the table: a
// mistyped digit is the usual reason.
func nearest(code int) string {
	all := Codes()
	distance := func(e Errcode) int { return max(e.Code-code, code-e.Code) }
	slices.SortStableFunc(all, func(a, b Errcode) int { return cmp.Compare(distance(a), distance(b)) })
	return fmt.Sprintf("%d, %d and %d", all[0].Code, all[1].Code, all[2].Code)
}
