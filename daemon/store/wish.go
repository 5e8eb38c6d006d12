package store

import (
	"context"
	"fmt"
	"time"

	"wxtokend/daemon/secret"
)

// reportLife is how long a report waits for a process to look at it.
const reportLife = time.Minute

// Report writes a token that a reader was refused with to where readers report.
func (s *Store) Report(ctx context.Context, c Slot, t secret.Token) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.client.Set(ctx, c.Keys.Rejected, t.Reveal(), reportLife).Err(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Request is a person's wish for a refresh now; force > 0 is the number of
// forced ones.
func (s *Store) Request(ctx context.Context, c Slot, force int) (Status, error) {
	status, _, err := s.run(ctx, "request", c, map[string]any{
		"force": force, "replaces": c.Replaces, "requests_every": RequestsEvery.Milliseconds(),
	})
	return status, err
}
