package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"wxtokend/daemon/secret"
)

// parse reads the one YAML document of a file into v, which is the option at path,
// or all of them if path is "". The library makes the nodes and not the values:
// into plain fields it decodes yes as true, 0100 as 64 and null as nothing, its
// messages quote what may be a secret, and it compares each name of a mapping with
// each other one, half an hour long for a wrong file of the largest size.
func (l *loader) parse(data []byte, path string, v reflect.Value) {
	if line := notText(data); line > 0 {
		l.setAt(line, path)
		l.fail(path, "is not plain UTF-8 text")
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
		l.setAt(second.Line, path)
		l.fail(path, "must be a single YAML document: remove the second one")
	case !errors.Is(err, io.EOF):
		l.syntax(err, data, path)
	case len(root) > 0:
		l.setAt(root[0].Line, path)
		l.decode(path, root[0], v, "")
	}
}

// notText returns the number of the first line with a byte that is no text, or
// 0. The library finds it too, but cannot say where.
func notText(data []byte) (number int) {
	strange := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r) }
	for line := range bytes.Lines(data) {
		number++
		if !utf8.Valid(line) || bytes.ContainsFunc(line, strange) {
			return number
		}
	}
	return 0
}

// syntax reports an error of the parser. Its text is a fixed phrase, except
// for the name of an unknown alias: that may well be a password beginning with *.
func (l *loader) syntax(err error, data []byte, path string) {
	line, message := "1", strings.TrimPrefix(err.Error(), "yaml: ")
	if alias, ok := strings.CutPrefix(message, "unknown anchor '"); ok {
		before, _, _ := bytes.Cut(data, []byte("*"+strings.TrimSuffix(alias, "' referenced")))
		l.setAt(bytes.Count(before, []byte("\n"))+1, path)
		l.fail(path, noAliases)
		return
	}
	if located, ok := strings.CutPrefix(message, "line "); ok {
		line, message, _ = strings.Cut(located, ": ")
	}
	l.places[path] = l.file + ":" + line
	l.fail(path, "this line or the next is not YAML: %s (put a value with special characters in 'quotes')", message)
}

const noAliases = "aliases, anchors and tags are not supported: put a value that begins with *, & or ! in 'quotes'"

// decode stores node n in v, reporting each mistake on its own. The tag of the
// field, is, says what a single value must be.
func (l *loader) decode(path string, n *yaml.Node, v reflect.Value, is string) {
	null := n.Tag == "!!null"
	switch want, form := formOf(v); {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0:
		l.fail(path, noAliases)
	case null && want == yaml.ScalarNode:
		l.fail(path, "has no value: write one (in 'quotes' if it is a text such as ~ or null), or remove the line")
	case null:
		// A section whose options are all commented out.
	case n.Kind != want:
		l.fail(path, "must be %s", form)
	case want == yaml.MappingNode:
		l.mapping(path, n, v)
	case want == yaml.SequenceNode:
		// Another file may have begun the list.
		first := v.Len()
		v.Set(reflect.AppendSlice(v, reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))))
		for i, item := range n.Content {
			i += first
			if c, ok := v.Index(i).Addr().Interface().(*Credential); ok {
				*c = blankCredential()
			}
			own := fmt.Sprintf("%s[%d]", path, i)
			l.setAt(item.Line, own)
			l.decode(own, item, v.Index(i), is)
		}
	case (v.Kind() == reflect.Bool || v.Type() == reflect.TypeFor[int]()) && n.Style != 0:
		l.fail(path, "must be written without quotes")
	default:
		l.set(path, v, is, n.Value)
		text, _ := v.Interface().(secret.Secret)
		address, _ := v.Interface().(secret.URL)
		if text != "" || address.HasPassword() {
			l.cfg.secretIn = append(l.cfg.secretIn, l.file)
		}
	}
}

// formOf says how v is written.
func formOf(v reflect.Value) (yaml.Kind, string) {
	switch v.Kind() {
	case reflect.Struct, reflect.Pointer:
		return yaml.MappingNode, "a mapping (name: value)"
	case reflect.Slice:
		return yaml.SequenceNode, "a list (- item)"
	}
	return yaml.ScalarNode, "a single value"
}

// mapping reads the options of the struct v, or of a new one that v points to.
func (l *loader) mapping(path string, n *yaml.Node, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	options, lines := optionsOf(path, v), map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		own := join(path, key.Value)
		known := slices.IndexFunc(options, func(o option) bool { return o.path == own && key.Kind == yaml.ScalarNode })
		if known < 0 && !isName(key.Value) {
			own = join(path, "?")
		}
		l.setAt(key.Line, own)
		switch first, doubled := lines[own]; {
		case strings.HasSuffix(own, "?"):
			l.fail(own, "unknown option, its name is not shown because it could hold a secret; "+
				"is the space after a colon missing?")
		case doubled:
			l.fail(own, "set twice, first in line %d: remove one", first)
		case known < 0:
			l.fail(own, "unknown option%s", suggest(own, options))
		default:
			l.decode(own, value, options[known].value, options[known].tag.Get("is"))
		}
		lines[own] = key.Line
	}
}

// isName tells a mistyped option from a secret on the wrong side of a colon:
// hardly an option has a digit, and hardly an AppSecret has none.
func isName(text string) bool {
	return text != "" && len(text) <= 24 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz_.-") == ""
}

// suggest names the option that was probably meant: one with nearly the same
// letters, whatever their order and spelling (secretFile, listne, rediss).
func suggest(path string, options []option) string {
	for _, o := range options {
		differ, name := 0, o.path[strings.LastIndex(o.path, ".")+1:]
		for letter := 'a'; letter <= 'z'; letter++ {
			less := strings.Count(strings.ToLower(path), string(letter)) - strings.Count(o.path, string(letter))
			differ += max(less, -less)
		}
		if differ <= min(2, len(name)-2) {
			return fmt.Sprintf(", did you mean %s?", name)
		}
	}
	return ""
}
