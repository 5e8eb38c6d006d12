package daemon

// Ready says of each credential that is not ready why, for tests.
func (d *Daemon) Ready() (reasons []string) {
	for _, r := range d.refreshers {
		if c := r.Credential(); c.Unready != "" {
			reasons = append(reasons, c.Key+": "+c.Unready)
		}
	}
	return reasons
}
