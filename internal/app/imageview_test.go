package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/publish/revoke"
)

func TestWhatAnImageDescendsFromIsNotBelowIt(t *testing.T) {
	family := []revoke.Member{{Image: "ami-copy"}, {Image: "ami-baked", Via: "from the run that made ami-other"}, {Image: "ami-other"}}
	got := below(family, []string{"ami-source", "ami-baked"})
	if d := cmp.Diff([]string{"ami-other"}, []string{got[0].Image}); d != "" || len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if len(below(family, nil)) != 2 || family[1].Image != "ami-baked" {
		t.Error("the family was changed")
	}
}
