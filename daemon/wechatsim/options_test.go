package wechatsim_test

import (
	"strings"
	"testing"

	"wxtokend/daemon/wechatsim"
)

func TestOptionsAreChecked(t *testing.T) {
	good := wechatsim.App{AppID: appid, Secret: pass}
	tests := []struct {
		name string
		o    wechatsim.Options
		want string
	}{
		{"good", wechatsim.Options{Apps: []wechatsim.App{good}}, ""},
		{"twice", wechatsim.Options{Apps: []wechatsim.App{good, good}}, "given twice"},
		{"no appid", wechatsim.Options{Apps: []wechatsim.App{{Secret: pass}}}, "appid: empty"},
		{"no secret", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid}}}, "secret: empty"},
		{"kind", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass, Kind: "x"}}}, `unknown kind "x"`},
		{"state", wechatsim.Options{Apps: []wechatsim.App{{AppID: appid, Secret: pass, State: "x"}}}, `unknown state "x"`},
		{"periods", wechatsim.Options{Periods: wechatsim.DefaultPeriods().Scaled(-1)}, "periods: "},
		{"short token", wechatsim.Options{TokenLength: 83}, "token_length: "},
		{"long token", wechatsim.Options{TokenLength: 513}, "token_length: "},
	}
	for _, tt := range tests {
		_, err := wechatsim.New(tt.o)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
