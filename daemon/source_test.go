package daemon

import "wxtokend/daemon/web"

// Ready says of each credential that is not ready why, for tests.
func (d *Daemon) Ready() (reasons []string) {
	for _, e := range d.registry.all() {
		if c := e.Credential(); c.Unready != "" {
			reasons = append(reasons, c.Key+": "+c.Unready)
		}
	}
	return reasons
}

// shown is what the page shows of each credential.
func (d *Daemon) shown() (all []web.Credential) {
	for e := range d.Credentials() {
		all = append(all, e.Credential())
	}
	return all
}
