package wechat

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Errcode is one of WeChat's return codes, in words of our own.
type Errcode struct {
	Code        int
	Class       Class // what it means for a mint; unknown if the token endpoints do not return it
	English     string
	Chinese     string
	Cure        string
	CureChinese string
}

// Lookup finds a code.
func Lookup(code int) (Errcode, bool) {
	for _, group := range [][]Errcode{tokenErrcodes, platformErrcodes, contentErrcodes} {
		for _, entry := range group {
			if entry.Code == code {
				return entry, true
			}
		}
	}
	return Errcode{}, false
}

// Codes returns all codes of the table in rising order.
func Codes() []Errcode {
	all := slices.Concat(tokenErrcodes, platformErrcodes, contentErrcodes)
	slices.SortFunc(all, func(a, b Errcode) int { return cmp.Compare(a.Code, b.Code) })
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
	distance := func(e Errcode) float64 { return max(float64(e.Code)-float64(code), float64(code)-float64(e.Code)) }
	slices.SortStableFunc(all, func(a, b Errcode) int { return cmp.Compare(distance(a), distance(b)) })
	names := make([]string, 0, 3)
	for _, e := range all[:3] {
		names = append(names, fmt.Sprint(e.Code))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
