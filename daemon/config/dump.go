package config

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Dump writes the effective configuration as YAML, in the order of the
// documentation: what is unset is left out, secrets read [redacted].
func (c Config) Dump(w io.Writer) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(section("", c.options()...).node()); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return encoder.Close()
}

// node is the option as YAML, nil if it is not set.
func (o option) node() *yaml.Node {
	n := &yaml.Node{Kind: o.kind}
	if o.kind == yaml.ScalarNode {
		n.Value = o.show()
		if !o.bare {
			n.Tag = "!!str" // makes the encoder quote what would read as a number
		}
		if n.Value == "" {
			return nil
		}
		return n
	}
	for _, part := range o.parts() {
		value := part.node()
		if value == nil {
			continue
		}
		if o.kind == yaml.MappingNode {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: part.name})
		}
		n.Content = append(n.Content, value)
	}
	if len(n.Content) == 0 {
		return nil
	}
	return n
}
