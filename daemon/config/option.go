package config

import (
	"fmt"
	"reflect"
	"strings"
)

// option is a field of one of the structs of the configuration.
type option struct {
	path  string // such as redis.url, or credentials[0].key
	tag   reflect.StructTag
	value reflect.Value
}

// optionsOf lists the options of the struct v at path.
func optionsOf(path string, v reflect.Value) (all []option) {
	for f, value := range v.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			all = append(all, option{join(path, name), f.Tag, value})
		}
	}
	return all
}

// below lists the options of v and of all that it holds.
func below(path string, v reflect.Value) (all []option) {
	switch v.Kind() {
	case reflect.Pointer:
		return below(path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, below(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
	case reflect.Struct:
		for _, o := range optionsOf(path, v) {
			all = append(append(all, o), below(o.path, o.value)...)
		}
	}
	return all
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
