package store_test

import (
	"testing"
	"time"

	"wxtokend/daemon/secret"
	"wxtokend/daemon/store"
)

// A mint answers the report that it began with. One of another token, that came
// since then, still has to be looked at.
func TestCommitC8AnswersOneReport(t *testing.T) {
	for name, tt := range map[string]struct{ reported, left secret.Token }{
		"the same": {token(1), ""}, "another": {token(9), token(9)},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				w.mint("a1", token(1))
				answer := w.mustBegin(attempt("a2"))
				w.do("set", w.c.Keys.Rejected, tt.reported.Reveal())
				won, _ := w.commit(store.Commit{Attempt: "a2", Token: token(2), ExpiresIn: time.Hour, T0: answer.T0,
					Order: answer.Order, Answered: token(1)})
				check(w, "status", won, store.Committed)
				check(w, "report", w.observe().Rejected, tt.left)
			})
		})
	}
}
