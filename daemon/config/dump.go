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
	if err := encoder.Encode(c); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return encoder.Close()
}
