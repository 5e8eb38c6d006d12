package config

import (
	"reflect"
	"strings"
)

// option is a field of one of the structs of the configuration.
type option struct {
	// It is redis.url, or credentials[0].key.
	path  string
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

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }
