package config_test

import (
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"wxtokend/daemon/config"
	"wxtokend/daemon/testnet"
)

// load writes document as config.yaml into a directory of its own and loads it.
func load(t *testing.T, document string, env map[string]string) (config.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "config.yaml", document)
	return config.Source{Path: "config.yaml", Explicit: true, Getenv: getenv(env)}.Load(t.Context())
}

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// problems returns the messages of a *config.Error, and demands one.
func problems(t *testing.T, err error) []string {
	t.Helper()
	bad, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("error is %T (%v), want *config.Error", err, err)
	}
	if err.Error() != strings.Join(bad.Problems, "\n") {
		t.Errorf("the text is not one problem per line: %q", err.Error())
	}
	return bad.Problems
}

func dump(t *testing.T, c config.Config) string {
	t.Helper()
	var out strings.Builder
	if err := c.Dump(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// certificate writes cert.pem, signed by itself, and key.pem into a directory.
func certificate(t *testing.T) (dir string) {
	t.Helper()
	signed, key, err := testnet.SelfSigned(&x509.Certificate{SerialNumber: big.NewInt(1)})
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	write(t, dir+"/cert.pem", string(signed))
	write(t, dir+"/key.pem", string(key))
	return dir
}

// uncomment turns "# name: value" into an option, be it the first of an item.
func uncomment(document string) string {
	return regexp.MustCompile(`(?m)^( *)# ( *(- )?[a-z_]+(256)?:( |$))`).ReplaceAllString(document, "$1$2")
}

// optionsOf lists the options of a document in the form of config.OptionPaths.
func optionsOf(t *testing.T, document string) []string {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(document), &root); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		switch {
		case n.Kind == yaml.MappingNode:
			for i := 0; i < len(n.Content); i += 2 {
				walk(strings.TrimPrefix(path+"."+n.Content[i].Value, "."), n.Content[i+1])
			}
		case n.Kind == yaml.SequenceNode && n.Content[0].Kind == yaml.MappingNode:
			for _, item := range n.Content {
				walk(path+"[0]", item)
			}
		default:
			all = append(all, path)
		}
	}
	walk("", root.Content[0])
	return all
}
