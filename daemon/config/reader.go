package config

// LoadReader is the configuration of the same sources as far as it concerns
// somebody who only reads Redis: what else is missing or wrong beyond its own
// text, such as an AppSecret that lies elsewhere, is not his business. It may
// name no credential, and no file is needed if named says that the command line
// does without. The error is an *Error.
func LoadReader(path string, explicit, named bool, getenv func(string) string) (Config, error) {
	l, cancel := newLoader(path)
	defer cancel()
	l.read(explicit, named || getenv("WXTOKEND_APPID") != "", getenv)
	if len(l.problems) == 0 {
		l.finish()
		l.validateRedis()
	}
	if len(l.problems) > 0 {
		return Config{}, l.err()
	}
	return l.cfg, nil
}
