package store

// Source is the text of a script as it is sent to Redis.
func Source(name string) string { return source(name) }
