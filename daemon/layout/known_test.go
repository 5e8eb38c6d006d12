package layout_test

import (
	"errors"
	"testing"

	"wxtokend/daemon/layout"
)

// TestEveryKeyOfAnSDKIsKnown: whoever writes the whole key of an SDK instead of its layout is told which
// formats break the reader there.
func TestEveryKeyOfAnSDKIsKnown(t *testing.T) {
	known := 0
	for _, row := range layout.Table() {
		of := layout.Target{Layout: row.Layout, Mini: row.Mini, SecretInKey: true}
		s := subject(row.Kind)
		// WeCom's agents have keys of their own.
		for _, s.AgentID = range []string{"", "1000002"} {
			mirrors, err := of.Mirrors(s)
			if err != nil {
				// It wants a prefix, which nobody can know.
				continue
			}
			for _, m := range mirrors {
				refusals := 0
				for _, format := range layout.Formats() {
					free := layout.Target{Key: m.Key.Reveal(), Format: format, UTCOffset: "+0800", SecretInKey: true}
					if _, err := free.Mirrors(s); errors.As(err, new(*layout.Refusal)) {
						refusals++
					}
				}
				if refusals == 0 {
					t.Errorf("%s, %s, %v: %d formats are refused", row.Layout, row.Kind, m, refusals)
				}
				known++
			}
		}
	}
	if known < 100 {
		t.Errorf("only %d keys", known)
	}
}
