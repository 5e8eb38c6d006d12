package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Dump writes the effective configuration as YAML, in the order of the
// documentation: what is unset is left out, secrets read [redacted].
func (c Config) Dump(w io.Writer) error {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	replace(&root, strings.ToLower(c.Log.Level.String()), "log", "level")
	replace(&root, shownURL(c.Redis.URL), "redis", "url")
	replace(&root, shownURL(c.WeChat.Proxy), "wechat", "proxy")
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return encoder.Close()
}

// replace gives the option at path a text that is better than its own, if it is set.
func replace(n *yaml.Node, text string, path ...string) {
	for _, name := range path {
		i := slices.IndexFunc(n.Content, func(key *yaml.Node) bool { return key.Value == name })
		if i < 0 {
			return
		}
		n = n.Content[i+1]
	}
	*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}
