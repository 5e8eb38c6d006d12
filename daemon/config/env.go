package config

import "strings"

// variables maps each environment variable to the option that it sets. Unset
// and empty are the same: a manifest cannot always leave a variable out.
func variables() [][2]string {
	return [][2]string{
		{"WXTOKEND_APPID", "credentials[0].appid"},
		{"WXTOKEND_SECRET", "credentials[0].secret"},
		{"WXTOKEND_SECRET_FILE", "credentials[0].secret_file"},
		{"WXTOKEND_KEY", "credentials[0].key"},
		{"WXTOKEND_API", "credentials[0].api"},
		{"WXTOKEND_REDIS_URL", "redis.url"},
		{"WXTOKEND_REDIS_PASSWORD_FILE", "redis.password_file"},
		{"WXTOKEND_HTTP_LISTEN", "http.listen"},
		{"WXTOKEND_LOG_LEVEL", "log.level"},
		{"WXTOKEND_LOG_FORMAT", "log.format"},
	}
}

// environment lets the variables win over the file.
func (l *loader) environment(getenv func(string) string) {
	c := &l.cfg
	if len(c.Credentials) == 0 && getenv("WXTOKEND_APPID") != "" {
		c.Credentials = []Credential{blankCredential()}
		l.places["credentials[0]"] = place{variable: "WXTOKEND_APPID"}
	}
	l.replace(getenv)
	for _, v := range variables() {
		name, path := v[0], v[1]
		text := getenv(name)
		forCredential := strings.HasPrefix(path, "credentials")
		switch {
		case text == "" || forCredential && len(c.Credentials) == 0:
			// Without any credential the one complaint about that says it all.
		case forCredential && len(c.Credentials) > 1:
			l.failAt(place{variable: name}, path, "sets the only credential, but %s has %d: unset the variable", l.file, len(c.Credentials))
		default:
			l.places[path] = place{variable: name}
			l.assign(path, l.lookup(path), text)
		}
	}
}

// replace clears what a variable replaces beside its own option: options that
// exclude each other are one choice, and the environment makes it anew.
func (l *loader) replace(getenv func(string) string) {
	c := &l.cfg
	if len(c.Credentials) == 1 && getenv("WXTOKEND_SECRET")+getenv("WXTOKEND_SECRET_FILE") != "" {
		c.Credentials[0].Secret, c.Credentials[0].SecretFile = "", ""
	}
	if getenv("WXTOKEND_REDIS_URL") != "" {
		c.Redis.Sentinel, c.Redis.Cluster = nil, nil
		delete(l.places, "redis.cluster")
	}
	if getenv("WXTOKEND_REDIS_PASSWORD_FILE") != "" {
		c.Redis.Password = ""
	}
}

// lookup finds the option at a path of the table above, such as "a[0].b" or "a.b".
func (l *loader) lookup(path string) option {
	o := section("", l.cfg.options()...)
	for name := range strings.SplitSeq(path, ".") {
		name, _, indexed := strings.Cut(name, "[")
		o, _ = find(o.parts(), name)
		if indexed {
			o = o.parts()[0]
		}
	}
	return o
}
