package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parse reads the one YAML document of the file into the options. It walks the
// nodes itself: the library's decoder stops at the first mistake, forgets
// lines, and reads the secret 0012 as the number ten.
func (l *loader) parse(data []byte) {
	if line := notText(data); line > 0 {
		l.failAt(place{line: line}, "", "is not plain UTF-8 text")
		return
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	err := decoder.Decode(&document)
	if err == nil {
		err = decoder.Decode(&second)
	}
	switch root := document.Content; {
	case err == nil:
		l.failAt(place{line: second.Line}, "", "must be a single YAML document: remove the second one")
	case !errors.Is(err, io.EOF):
		l.syntax(err, data)
	case len(root) > 0:
		l.readable = true
		l.decode("", section("", l.cfg.options()...), root[0], root[0].Line)
	}
}

// notText returns the line of the first byte that is no text, or 0. The
// library finds them too, but cannot say where.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) {
			return bytes.Count(data[:i], []byte("\n")) + 1
		}
		i += size
	}
	return 0
}

// syntax reports an error of the parser. Its text is a fixed phrase, except
// for the name of an unknown alias: that may well be a password beginning with *.
func (l *loader) syntax(err error, data []byte) {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if alias, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		before, _, _ := bytes.Cut(data, []byte("*"+strings.TrimSuffix(alias, "' referenced")))
		l.failAt(place{line: bytes.Count(before, []byte("\n")) + 1}, "", noAliases)
		return
	}
	if found := regexp.MustCompile(`^line (\d+): (.*)`).FindStringSubmatch(message); found != nil {
		line, _ = strconv.Atoi(found[1])
		message = found[2]
	}
	l.failAt(place{line: line}, "", "this line or the next is not YAML: %s (put a value with special characters in 'quotes')", message)
}

const noAliases = "aliases, anchors and tags are not supported: put a value that begins with *, & or ! in 'quotes'"

// decode stores node n in option o, reporting each mistake on its own.
func (l *loader) decode(path string, o option, n *yaml.Node, line int) {
	l.places[path] = place{line: line}
	if mistake := misuse(o, n); mistake != "" {
		l.fail(path, "%s", mistake)
		return
	}
	switch {
	case o.kind == yaml.ScalarNode:
		l.assign(path, o, n.Value)
	case n.Tag == "!!null": // a section whose options are all commented out
	case o.kind == yaml.SequenceNode:
		o.grow(len(n.Content))
		for i, part := range o.parts() {
			l.decode(fmt.Sprintf("%s[%d]", path, i), part, n.Content[i], n.Content[i].Line)
		}
	default:
		o.grow(1)
		l.mapping(path, o.parts(), n)
	}
}

// misuse says what is wrong with the form of n, whatever its value.
func misuse(o option, n *yaml.Node) string {
	null := n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		return noAliases
	case o.kind == yaml.ScalarNode && null:
		return `has no value: write one (in 'quotes' if it is a text such as ~ or null), or remove the line`
	case n.Kind != o.kind && !null:
		return map[yaml.Kind]string{
			yaml.ScalarNode:   "must be a single value",
			yaml.MappingNode:  "must be a mapping (name: value)",
			yaml.SequenceNode: "must be a list (- item)",
		}[o.kind]
	case o.bare && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return "must be written without quotes"
	}
	return ""
}

// assign stores a text, from the file or the environment.
func (l *loader) assign(path string, o option, text string) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		l.fail(path, "must not contain a line break or another control character")
	} else if err := o.set(text); err != nil {
		l.fail(path, "%s", err)
	}
}

// mapping reads the options of one mapping: names first, as an unknown or
// doubled one has no value worth a look, then values in the order of the table.
func (l *loader) mapping(path string, options []option, n *yaml.Node) {
	values, lines := map[string]*yaml.Node{}, map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		name := key.Value
		first, doubled := lines[name]
		switch _, known := find(options, name); {
		case key.Kind != yaml.ScalarNode || !isName(name):
			l.failAt(place{line: key.Line}, join(path, "?"), "unknown option, its name is not shown because it could hold a secret; "+
				"is the space after a colon missing?")
			continue
		case doubled:
			l.failAt(place{line: key.Line}, join(path, name), "set twice, first in line %d: remove one", first)
		case !known:
			l.failAt(place{line: key.Line}, join(path, name), "unknown option%s", suggest(name, options))
		default:
			values[name] = n.Content[i+1]
		}
		lines[name] = cmp.Or(first, key.Line)
	}
	for _, o := range options {
		if value, ok := values[o.name]; ok {
			l.decode(join(path, o.name), o, value, lines[o.name])
		}
	}
}

// isName tells a mistyped option from a secret on the wrong side of a colon:
// no option has a digit, and hardly an AppSecret has none.
func isName(text string) bool { return regexp.MustCompile(`^[A-Za-z_.-]{1,24}$`).MatchString(text) }

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func find(options []option, name string) (option, bool) {
	i := slices.IndexFunc(options, func(o option) bool { return o.name == name })
	if i < 0 {
		return option{}, false
	}
	return options[i], true
}

// suggest names the option that was probably meant: the same word in another
// spelling (secretFile), or one at most two keystrokes away.
func suggest(name string, options []option) string {
	plain := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	best, closest := "", 3
	for _, o := range options {
		if d := distance(plain(name), plain(o.name)); d < min(closest, len(o.name)-1) {
			best, closest = fmt.Sprintf(", did you mean %s?", o.name), d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
