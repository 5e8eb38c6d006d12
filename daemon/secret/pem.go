package secret

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
)

// maxPEM is several times all roots that a system has, in bytes.
const maxPEM = 1 << 20

// ReadPEM is Read for a file of blocks in PEM, with any text between them. Byte
// order marks are left out: one would hide the block behind it, and stands amid
// a bundle of files of Windows. A block that is broken is an error, as the
// libraries pass over it in silence.
func ReadPEM(ctx context.Context, path string) ([]byte, error) {
	content, err := Read(ctx, path, maxPEM)
	content = bytes.ReplaceAll(content, []byte("\ufeff"), nil)
	if err == nil {
		err = broken(content)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: Reason(err)}
	}
	return content, nil
}

// broken names the first line of what is no PEM.
func broken(content []byte) error {
	line := func(at int) int { return 1 + bytes.Count(content[:at], []byte("\n")) }
	if at := bytes.IndexByte(content, 0); at >= 0 {
		return fmt.Errorf("line %d: is no text of PEM, as UTF-16 and DER are not: convert it", line(at))
	}
	begins := regexp.MustCompile(`(?m)^[ \t]*-----BEGIN `).FindAllIndex(content, -1)
	for i, begin := range begins {
		end := len(content)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		block, _ := pem.Decode(content[begin[0]:end])
		if block == nil || block.Type == "CERTIFICATE" && !whole(block.Bytes) {
			return fmt.Errorf("line %d: the block of PEM that begins here is cut or broken: write it anew", line(begin[0]))
		}
	}
	return nil
}

// whole does not ask whether the certificate is one that Go accepts: bundles of
// old systems hold some that it does not, and nobody misses.
func whole(der []byte) bool {
	rest, err := asn1.Unmarshal(der, new(asn1.RawValue))
	return err == nil && len(rest) == 0
}

// Authorities are those in the content of a file in PEM. There is at least one.
func Authorities(content []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// KeyPair joins a certificate and its key of two files in PEM. With an error it
// says whose file is wrong, that of the option cert_file or of key_file.
func KeyPair(cert, key []byte) (pair tls.Certificate, wrong string, err error) {
	pair, err = tls.X509KeyPair(cert, key)
	if err == nil {
		return pair, "", nil
	}
	if _, none := Authorities(cert); none != nil {
		return pair, "cert_file", none
	}
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		err = errors.New("is encrypted, and nobody is there to type its password: " +
			"decrypt it by openssl pkey -in OLD -out NEW")
	}
	return pair, "key_file", err
}
