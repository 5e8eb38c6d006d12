package secret

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// As many directories as there are threads may hang at a time. One that answers
// again makes room, and whoever gave up stands in nobody's way.
func TestThreadsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queues{threads: make(chan struct{}, 2)}
		enter := func(path string) (func(), error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return q.enter(ctx, path)
		}
		leave, err := enter("a/file")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := enter("b/file"); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"a/sibling", "c/file", "c/sibling"} {
			if _, err := enter(path); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", path, err)
			}
		}
		leave()
		if leave, err = enter("c/file"); err != nil {
			t.Fatal(err)
		}
		leave()
		if _, err := enter("a/sibling"); err != nil {
			t.Error(err)
		}
	})
}
