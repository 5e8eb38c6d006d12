package config

import (
	"reflect"

	"go.yaml.in/yaml/v3"
)

// OptionPaths lists every option, "a.b[0].c"; of a list of texts the list itself.
func OptionPaths() []string { return paths("", reflect.New(reflect.TypeFor[Config]()).Elem()) }

func paths(path string, v reflect.Value) (all []string) {
	if v.Kind() == reflect.Pointer {
		v = reflect.New(v.Type().Elem()).Elem()
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct {
		return paths(path+"[0]", reflect.New(v.Type().Elem()).Elem())
	}
	if kind, _ := formOf(v); kind != yaml.MappingNode {
		return []string{path}
	}
	for _, o := range optionsOf(path, v) {
		all = append(all, paths(o.path, o.value)...)
	}
	return all
}
