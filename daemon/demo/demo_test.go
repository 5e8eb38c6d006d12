package demo_test

import (
	"testing"
	"time"

	"wxtokend/daemon/demo"
)

// Whole seconds are a large part of a short life: what is left of it would be
// told up to a second too short.
func TestShortLivesAreToldInFractions(t *testing.T) {
	if p := demo.Periods(); !p.Fractions || p.Life != time.Minute {
		t.Errorf("%+v", p)
	}
}
