package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// OptionPaths lists every option, "a.b[0].c"; of a list of texts the list itself.
func OptionPaths() []string {
	c := Default()
	return paths("", section("", c.options()...))
}

func paths(path string, o option) []string {
	if o.kind == yaml.ScalarNode {
		return []string{path}
	}
	o.grow(1)
	var all []string
	for i, part := range o.parts() {
		switch {
		case o.kind == yaml.MappingNode:
			all = append(all, paths(join(path, part.name), part)...)
		case part.kind == yaml.ScalarNode:
			all = append(all, path)
		default:
			all = append(all, paths(fmt.Sprintf("%s[%d]", path, i), part)...)
		}
	}
	return all
}
