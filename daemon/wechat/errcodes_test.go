package wechat

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What Lookup and Codes rely on without looking: a broken line would panic in
// one of them or be passed over by the other.
func TestShapeOfTheTable(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(errcodes, "\n"), "\n")
	if lines[0] != "code\tclass\tmeaning\tcure\t含义\t处理" {
		t.Errorf("the table begins with %q", lines[0])
	}
	classes := []Class{
		ClassTransient, ClassRate, ClassQuota, ClassConfig, ClassIP, ClassAdmin, ClassAccount, ClassUnknown,
	}
	last := -2
	for _, line := range lines[1:] {
		column := strings.Split(line, "\t")
		if len(column) != 6 {
			t.Errorf("%d columns in %q", len(column), line)
			continue
		}
		code, err := strconv.Atoi(column[0])
		if err != nil || column[0] != strconv.Itoa(code) || code <= last {
			t.Errorf("%q comes after %d", column[0], last)
		}
		last = code
		for class := range strings.SplitSeq(column[1], "/") {
			if !slices.Contains(classes, Class(class)) {
				t.Errorf("%d: class %q", code, column[1])
			}
		}
		if strings.Count(column[1], "/") > 1 {
			t.Errorf("%d: classes %q", code, column[1])
		}
	}
	if n := len(Codes()); n != len(lines)-1 {
		t.Errorf("%d codes in %d lines", n, len(lines)-1)
	}
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		if _, known := Lookup(89507); !known {
			b.Fatal("not found")
		}
	}
}
