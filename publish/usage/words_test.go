package usage

import (
	"slices"
	"strings"
	"testing"
)

func TestAliasesAreTakenApart(t *testing.T) {
	for in, want := range map[string][3]string{
		"resolve:ssm:/golden/web/latest":               {"/golden/web/latest", "", "y"},
		"resolve:ssm:latest:7":                         {"latest", "7", "y"},
		"resolve:ssm:/p:good":                          {"/p", "good", "y"},
		"resolve:ssm:arn:aws:ssm:r:1:parameter/p":      {"arn:aws:ssm:r:1:parameter/p", "", "y"},
		"resolve:ssm:arn:aws:ssm:r:1:parameter/p:7":    {"arn:aws:ssm:r:1:parameter/p", "7", "y"},
		"resolve:ssm:arn:aws:ssm:r:1:parameter/p:good": {"arn:aws:ssm:r:1:parameter/p", "good", "y"},
		"resolve:ssm:arn:":                             {"arn:", "", "y"},
		"resolve:ssm:":                                 {"", "", "n"},
		"ami-0000000000000000a":                        {"", "", "n"},
		"":                                             {"", "", "n"},
	} {
		name, version, ok := Alias(in)
		if name != want[0] || version != want[1] || ok != (want[2] == "y") {
			t.Errorf("%q: %q, %q, %v", in, name, version, ok)
		}
	}
}

func TestPickTakesNumberLabelOrNewest(t *testing.T) {
	h := []Parameter{{Version: 1, Labels: []string{"old"}}, {Version: 2}}
	for version, want := range map[string]int64{"": 2, "1": 1, "old": 1, "2": 2, "3": 0, "new": 0} {
		if p, ok := Pick(h, version); p.Version != want || ok != (want > 0) {
			t.Errorf("%q: %d, %v", version, p.Version, ok)
		}
	}
	if _, ok := Pick(nil, ""); ok {
		t.Error("there is a version of nothing")
	}
}

func TestOnlyVersionsThatARollMadeAreMade(t *testing.T) {
	for description, want := range map[string]bool{
		"rehydrate: version 3 with image " + imgA:       true,
		"rehydrate: version 3 with image " + imgB:       false,
		"rehydrate: version with image " + imgA:         false,
		"see rehydrate: version 3 with image " + imgA:   false,
		"rehydrate: version 3 with image " + imgA + " ": false,
		"": false,
	} {
		if got := (TemplateVersion{Image: imgA, Description: description}).Made(); got != want {
			t.Errorf("%q: %v", description, got)
		}
	}
}

func FuzzNamed(f *testing.F) {
	for _, s := range []string{"", imgA, `{"a":"` + imgA + `","b":"` + imgA + `"}`, "ami-", "ami-zz", "resolve:ssm:x:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Named(s)
		if !slices.IsSorted(got) {
			t.Errorf("%q gives %v", s, got)
		}
		for _, id := range got {
			if !strings.Contains(s, id) || len(id) > 21 {
				t.Errorf("%q gives %q", s, id)
			}
		}
		if name, _, ok := Alias(s); ok && name == "" {
			t.Errorf("%q is an alias of nothing", s)
		}
	})
}

func TestBriefNamesAFew(t *testing.T) {
	var uses []Use
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		uses = append(uses, Use{Cell: home, ID: id, Text: id})
	}
	if got := Brief(uses); !strings.HasSuffix(got, "and 2 more") || strings.Count(got, ";") != 3 {
		t.Errorf("got %q", got)
	}
}
