package secret

import (
	"errors"
	"strconv"
	"testing"
)

// TestThreadsAreBounded: as many directories as may hang at a time, and one
// that answers again makes room.
func TestThreadsAreBounded(t *testing.T) {
	l := &lines{of: map[string]*line{}}
	var leave func()
	for i := range maxDirectories {
		var err error
		if leave, err = l.enter(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.enter(t.Context(), "one more"); !errors.Is(err, errHanging) {
		t.Errorf("error = %v, want %v", err, errHanging)
	}
	leave()
	if _, err := l.enter(t.Context(), "one more"); err != nil {
		t.Error(err)
	}
}
