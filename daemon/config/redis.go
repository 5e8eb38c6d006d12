package config

import (
	"context"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// Options are those of a client of this Redis. The error is one of reading the
// files of TLS, as store.TLSFiles gives it.
func (r Redis) Options(ctx context.Context) (o store.Options, err error) {
	o = store.Options{
		URL: secret.Secret(r.URL), Cluster: r.Cluster, DB: r.DB, Timeout: r.Timeout,
		Username: r.Username, Password: r.Password, PasswordFile: r.PasswordFile,
	}
	if s := r.Sentinel; s != nil {
		o.Master, o.Sentinels = s.Master, s.Addrs
		o.SentinelUsername, o.SentinelPassword, o.SentinelPasswordFile = s.Username, s.Password, s.PasswordFile
	}
	if t := r.TLS; t != nil {
		o.TLS, err = store.TLSFiles(ctx, t.CAFile, t.CertFile, t.KeyFile, t.ServerName)
	}
	return o, err
}
