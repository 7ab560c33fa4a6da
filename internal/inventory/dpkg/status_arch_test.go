package dpkg

import (
	"strings"
	"testing"
)

// A package that no offer can match would have its updates left out of the answer.
func TestAPackageThatNoOfferCanMatchIsAnError(t *testing.T) {
	const good = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
	if list, err := parseStatus(strings.NewReader(good), false); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	for name, text := range map[string]string{
		"without architecture": strings.Replace(good, "Architecture: amd64\n", "", 1),
		"a spoilt name":        strings.Replace(good, "Package: a", "Package: lib!a", 1),
		"a spoilt arch":        strings.Replace(good, "amd64", "amd\x016", 1),
	} {
		for _, without := range []bool{false, true} {
			if list, err := parseStatus(strings.NewReader(text), without); err == nil || !strings.Contains(err.Error(), "a") {
				t.Errorf("%s: %v, want an error", name, list)
			}
		}
	}
}
