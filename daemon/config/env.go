package config

import (
	"reflect"
	"strings"
)

// Variables lists the environment variables that set something.
func Variables() (names []string) {
	for _, v := range variables("", reflect.ValueOf(&Config{Credentials: []Credential{{}}}).Elem()) {
		names = append(names, v.tag.Get("env"))
	}
	return append(names, "WXTOKEND_CONFIG")
}

// variables lists the options of v, with their paths as names, that an
// environment variable can set; of a list those of its first item.
func variables(path string, v reflect.Value) (all []field) {
	switch {
	case v.Kind() == reflect.Slice && v.Len() > 0:
		return variables(path+"[0]", v.Index(0))
	case v.Kind() != reflect.Struct:
		return nil
	}
	for _, f := range optionsOf(v) {
		own := join(path, f.name)
		if f.tag.Get("env") != "" {
			all = append(all, field{own, f.tag, f.value})
		}
		all = append(all, variables(own, f.value)...)
	}
	return all
}

// environment lets the variables win over the file. Unset and empty are the
// same: a manifest cannot always leave a variable out.
func (l *loader) environment(getenv func(string) string) {
	c := &l.cfg
	if len(c.Credentials) == 0 && getenv("WXTOKEND_APPID") != "" {
		c.Credentials = []Credential{blankCredential()}
		l.places["credentials[0]"] = variable("WXTOKEND_APPID")
	}
	l.choose(getenv)
	for _, f := range variables("", reflect.ValueOf(c).Elem()) {
		name := f.tag.Get("env")
		text := getenv(name)
		if text == "" {
			continue
		}
		l.places[f.name] = variable(name)
		if strings.HasPrefix(f.name, "credentials") && len(c.Credentials) > 1 {
			l.fail(f.name, "sets the only credential, but %s has %d: unset the variable", l.file, len(c.Credentials))
			continue
		}
		l.set(f.name, f.value, f.tag.Get("is"), text)
	}
}

// choose clears what a variable replaces beside its own option: options that
// exclude each other are one choice, and the environment makes it anew.
func (l *loader) choose(getenv func(string) string) {
	c := &l.cfg
	if len(c.Credentials) == 1 && getenv("WXTOKEND_SECRET")+getenv("WXTOKEND_SECRET_FILE") != "" {
		c.Credentials[0].Secret, c.Credentials[0].SecretFile = "", ""
	}
	if getenv("WXTOKEND_REDIS_URL") != "" {
		c.Redis.Sentinel, c.Redis.Cluster, c.Redis.DB = nil, nil, 0
		delete(l.places, "redis.cluster")
		delete(l.places, "redis.db")
	}
	if getenv("WXTOKEND_REDIS_PASSWORD_FILE") != "" {
		c.Redis.Password = ""
	}
}
