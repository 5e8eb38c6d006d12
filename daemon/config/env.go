package config

import (
	"reflect"
	"strings"
)

// Variables lists the environment variables that set something.
func Variables() (names []string) {
	for _, o := range variables("", reflect.ValueOf(&Config{Credentials: []Credential{{}}}).Elem()) {
		names = append(names, o.tag.Get("env"))
	}
	return append(names, "WXTOKEND_CONFIG")
}

// variables lists the options of v that a variable can set; of the credentials
// those of the first.
func variables(path string, v reflect.Value) (all []option) {
	if v.Kind() == reflect.Slice && v.Len() > 0 {
		return variables(path+"[0]", v.Index(0))
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, o := range optionsOf(path, v) {
		if o.tag.Get("env") != "" {
			all = append(all, o)
		}
		all = append(all, variables(o.path, o.value)...)
	}
	return all
}

// environment lets the variables win over the file. Unset and empty are the
// same: a manifest cannot always leave a variable out.
func (l *loader) environment(getenv func(string) string) {
	c := &l.cfg
	if len(c.Credentials) == 0 && getenv("WXTOKEND_APPID") != "" {
		c.Credentials = []Credential{blankCredential()}
		l.places["credentials[0]"] = "WXTOKEND_APPID"
	}
	l.choose(getenv)
	for _, o := range variables("", reflect.ValueOf(c).Elem()) {
		name := o.tag.Get("env")
		text := getenv(name)
		if text == "" {
			continue
		}
		l.places[o.path] = name
		if strings.HasPrefix(o.path, "credentials") && len(c.Credentials) > 1 {
			l.fail(o.path, "sets the only credential, but %d are configured: unset the variable", len(c.Credentials))
			continue
		}
		l.set(o.path, o.value, o.tag.Get("is"), text)
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
