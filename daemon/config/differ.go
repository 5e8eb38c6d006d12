package config

import "reflect"

// Differences lists the options in which a and b differ, but for the credentials,
// what these inherit, and the consumers.
func Differences(a, b Config) []string {
	for _, c := range []*Config{&a, &b} {
		c.Credentials, c.Refresh, c.HTTP.Consumers = nil, Refresh{Poll: c.Refresh.Poll}, nil
	}
	return differences("", reflect.ValueOf(a), reflect.ValueOf(b))
}

func differences(path string, a, b reflect.Value) (paths []string) {
	others := optionsOf(path, b)
	for i, o := range optionsOf(path, a) {
		switch {
		case o.value.Kind() == reflect.Struct:
			paths = append(paths, differences(o.path, o.value, others[i].value)...)
		case !reflect.DeepEqual(o.value.Interface(), others[i].value.Interface()):
			paths = append(paths, o.path)
		}
	}
	return paths
}
