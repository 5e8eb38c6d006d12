package lock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"wxtokend/daemon/secret"
)

// maxFile bounds the configuration, in bytes.
const maxFile = 1 << 20

// maxCost bounds the cost of bcrypt: a comparison takes some 4 s of a core at
// this one, and twice as long at each step beyond.
const maxCost = 16

// webConfig is the part of the format that is served here. Whatever else a
// file asks for is refused: a lock must not be less than somebody believes.
type webConfig struct {
	TLS *serverTLS `yaml:"tls_server_config"`
	// Bcrypt hashes by user.
	Users map[string]yaml.Node `yaml:"basic_auth_users"`
}

// serverTLS names files in PEM, in the directory of the configuration unless
// their paths are absolute.
type serverTLS struct {
	CertFile       string `yaml:"cert_file"`
	KeyFile        string `yaml:"key_file"`
	ClientAuthType string `yaml:"client_auth_type"`
	ClientCAFile   string `yaml:"client_ca_file"`
	MinVersion     string `yaml:"min_version"`
}

// keys are what one reading of the files gave.
type keys struct {
	// Nil: plain HTTP.
	tls *tls.Config
	// When the certificate ends.
	ends time.Time
	// Their hashes; empty: everybody is let in.
	users map[string][]byte
	// Those that hold a secret.
	files []string
	// Of all that was read.
	sum   [sha256.Size]byte
	known *known
}

// until is when the certificate ends, for people; "" if there is none.
func (k *keys) until() string {
	if k.ends.IsZero() {
		return ""
	}
	return k.ends.UTC().Format(time.RFC3339)
}

// reading collects the content of files, so that a change in any of them is seen.
type reading struct {
	ctx context.Context
	dir string
	all []byte
}

func (r *reading) note(content []byte, err error) ([]byte, error) {
	r.all = append(r.all, content...)
	return content, secret.Reason(err)
}

// pem reads the file that the option names, relative to the configuration.
func (r *reading) pem(option, name string) ([]byte, string, error) {
	if name == "" {
		return nil, "", fmt.Errorf("tls_server_config: %s: missing", option)
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, name)
	}
	content, err := r.note(secret.ReadPEM(r.ctx, path))
	if err != nil {
		return nil, "", blame(option, path, err)
	}
	return content, path, nil
}

// blame says why the file of an option cannot be used.
func blame(option, path string, err error) error {
	return fmt.Errorf("tls_server_config: %s: %s: %w", option, path, err)
}

// read reads the configuration at path and the files that it names. Its errors
// say what is wrong in which line, but not in which file; they repeat no value.
func read(ctx context.Context, path string) (*keys, error) {
	r := reading{ctx: ctx, dir: filepath.Dir(path)}
	content, err := r.note(secret.Read(ctx, path, maxFile))
	if err != nil {
		return nil, err
	}
	var c webConfig
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, inLine(err)
	}
	k := &keys{files: []string{path}, known: newKnown()}
	if c.TLS == nil && len(c.Users) == 0 {
		return nil, errors.New("locks nothing: it must have tls_server_config, basic_auth_users or both")
	}
	if k.users, err = hashes(c.Users); err != nil {
		return nil, err
	}
	if c.TLS != nil {
		if err := k.serve(&r, *c.TLS); err != nil {
			return nil, err
		}
	}
	k.sum = sha256.Sum256(r.all)
	return k, nil
}

// inLine keeps of an error of the library the line and the name of an unknown
// option: the rest could quote a value.
func inLine(err error) error {
	if found := regexp.MustCompile(`line (\d+): field (\S+) not found`).FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("line %s: %s: unknown option: of this format only tls_server_config (cert_file, key_file, "+
			"client_auth_type, client_ca_file, min_version) and basic_auth_users are served here", found[1], found[2])
	}
	if found := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("line %s: this line or the next is not what the format wants there, or not YAML", found[1])
	}
	return errors.New("is not YAML")
}

func hashes(users map[string]yaml.Node) (map[string][]byte, error) {
	all := map[string][]byte{}
	// In one order, as an error that is told once is compared with the last one.
	for _, user := range slices.Sorted(maps.Keys(users)) {
		hash := users[user]
		cost, err := bcrypt.Cost([]byte(hash.Value))
		if err == nil && cost > maxCost {
			return nil, fmt.Errorf("line %d: basic_auth_users: the hash has cost %d, and every step doubles what a login "+
				"takes: must be at most %d, as `htpasswd -nBC 10 USER` makes it", hash.Line, cost, maxCost)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: basic_auth_users: must be lines of USER: HASH, where HASH is of bcrypt, "+
				"as `htpasswd -nB USER` makes it", hash.Line)
		}
		all[user] = []byte(hash.Value)
	}
	return all, nil
}

// serve makes the configuration of the server's side of TLS.
func (k *keys) serve(r *reading, t serverTLS) error {
	cert, certPath, err := r.pem("cert_file", t.CertFile)
	if err != nil {
		return err
	}
	key, keyPath, err := r.pem("key_file", t.KeyFile)
	if err != nil {
		return err
	}
	pair, wrong, err := secret.KeyPair(cert, key)
	if err != nil {
		return blame(wrong, map[string]string{"cert_file": certPath, "key_file": keyPath}[wrong], err)
	}
	versions := []string{"TLS12", "TLS13"}
	version := max(0, slices.Index(versions, t.MinVersion))
	if t.MinVersion != "" && t.MinVersion != versions[version] {
		return errors.New("tls_server_config: min_version: must be TLS12 or TLS13")
	}
	k.files = append(k.files, keyPath)
	k.ends = pair.Leaf.NotAfter
	k.tls = &tls.Config{
		Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12 + uint16(version),
	}
	return k.clients(r, t)
}

// clients says whose certificates are asked for.
func (k *keys) clients(r *reading, t serverTLS) error {
	switch t.ClientAuthType {
	case "", "NoClientCert":
		if t.ClientCAFile != "" {
			return errors.New("tls_server_config: client_ca_file: needs client_auth_type: RequireAndVerifyClientCert")
		}
		return nil
	case "RequireAndVerifyClientCert":
	default:
		return errors.New("tls_server_config: client_auth_type: must be NoClientCert or RequireAndVerifyClientCert: " +
			"the others let in whoever has no certificate, or any")
	}
	authorities, path, err := r.pem("client_ca_file", t.ClientCAFile)
	if err != nil {
		return err
	}
	k.tls.ClientAuth = tls.RequireAndVerifyClientCert
	if k.tls.ClientCAs, err = secret.Authorities(authorities); err != nil {
		return blame("client_ca_file", path, err)
	}
	return nil
}
