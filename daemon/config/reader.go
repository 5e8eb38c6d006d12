package config

import "context"

// LoadReader is the configuration of the same sources as far as it concerns
// somebody who only reads Redis: what else is missing or wrong beyond its own
// text, such as an AppSecret that lies elsewhere, is not his business. It may
// name no credential, and no file is needed if named says that the command line
// does without. The error is an *Error.
func (s Source) LoadReader(ctx context.Context, named bool) (Config, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	l := newLoader(ctx, s)
	l.read(named || s.Getenv("WXTOKEND_APPID") != "")
	if len(l.problems) == 0 {
		l.inherit()
		l.validateRedis()
	}
	if err := l.err(); err != nil {
		return Config{}, err
	}
	return l.cfg, nil
}
