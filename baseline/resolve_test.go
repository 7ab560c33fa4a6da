package baseline

import (
	"errors"
	"testing"
)

func TestResolutionTakesTheFirstStepThatFits(t *testing.T) { // §8
	a := &Account{
		Defaults:        map[OperatingSystem]string{Debian: "pb-default"},
		Predefined:      map[OperatingSystem]string{Debian: "AWS-Debian", RedHat: "AWS-RedHat"},
		Groups:          map[string]map[OperatingSystem]string{"dev": {Debian: "pb-dev"}, "": {Debian: "pb-nobody"}},
		TaggedBaselines: map[string]map[OperatingSystem][]string{"Tier=gold": {Debian: {"pb-gold"}}, "Tier=both": {Debian: {"pb-1", "pb-2"}}},
	}
	dev, qa := map[string]string{"PatchGroup": "dev"}, map[string]string{"Patch Group": "qa"}
	override := []Baseline{{OperatingSystem: RedHat}, {OperatingSystem: Debian}}
	for name, c := range map[string]struct {
		n        NodeIdentity
		want     Resolution
		failure  string
		exitCode int
	}{
		"override":                     {n: NodeIdentity{OS: Debian, Tags: dev, HasOverride: true, Override: override}, want: Resolution{Baseline: "override[1]", Step: "baselineOverride", Override: 1}},
		"override of no entry":         {n: NodeIdentity{OS: Suse, HasOverride: true, Override: override}, failure: "NoBaselineOverride", exitCode: 163},
		"empty override":               {n: NodeIdentity{OS: Debian, HasOverride: true}, failure: "NoBaselineOverride", exitCode: 163},
		"override of two":              {n: NodeIdentity{OS: Debian, HasOverride: true, Override: append(override, Baseline{OperatingSystem: Debian})}, failure: "MultipleBaselineOverrides", exitCode: 165},
		"override and list":            {n: NodeIdentity{OS: Debian, HasOverride: true, HasInstallOverride: true, Override: override}, failure: "BaselineOverrideAndInstallOverride", exitCode: 167},
		"an unnamed system is Windows": {n: NodeIdentity{OS: Windows, HasOverride: true, Override: []Baseline{{}}}, want: Resolution{Baseline: "override[0]", Step: "baselineOverride"}},
		"tagged":                       {n: NodeIdentity{OS: Debian, Tags: dev, BaselineTags: "Key=Tier,Values=silver,gold"}, want: Resolution{Baseline: "pb-gold", PatchGroup: "dev", Step: "baselineTags"}},
		"two tagged":                   {n: NodeIdentity{OS: Debian, BaselineTags: "Key=Tier,Values=both"}, failure: "MultipleTaggedBaselines", exitCode: 142},
		"two values, two tagged":       {n: NodeIdentity{OS: Debian, BaselineTags: "Key=Tier,Values=both,gold"}, failure: "MultipleTaggedBaselines", exitCode: 142},
		"none tagged":                  {n: NodeIdentity{OS: Debian, Tags: dev, BaselineTags: "Key=Tier,Values=tin"}, want: Resolution{Baseline: "pb-dev", PatchGroup: "dev", Step: "patchGroup"}},
		"misspelt tags":                {n: NodeIdentity{OS: Debian, BaselineTags: "Tier=gold"}, failure: "InvalidBaselineTags", exitCode: 153},
		"group":                        {n: NodeIdentity{OS: Debian, Tags: dev}, want: Resolution{Baseline: "pb-dev", PatchGroup: "dev", Step: "patchGroup"}},
		"unregistered group":           {n: NodeIdentity{OS: Debian, Tags: qa}, want: Resolution{Baseline: "pb-default", PatchGroup: "qa", Step: "accountDefault"}},
		"no group":                     {n: NodeIdentity{OS: Debian}, want: Resolution{Baseline: "pb-default", Step: "accountDefault"}},
		"no default":                   {n: NodeIdentity{OS: RedHat, Tags: dev}, want: Resolution{Baseline: "AWS-RedHat", PatchGroup: "dev", Step: "predefined"}},
		"nothing at all":               {n: NodeIdentity{OS: Suse}, failure: "NoBaseline"},
		"two groups":                   {n: NodeIdentity{OS: Debian, Tags: map[string]string{"PatchGroup": "dev", "Patch Group": "qa"}}, failure: "AmbiguousPatchGroup"},
		"one group twice":              {n: NodeIdentity{OS: Debian, Tags: map[string]string{"PatchGroup": "dev", "Patch Group": "dev"}}, want: Resolution{Baseline: "pb-dev", PatchGroup: "dev", Step: "patchGroup"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := a.Resolve(c.n)
			if c.failure == "" {
				if err != nil || got != c.want {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			var run *RunError
			if !errors.As(err, &run) || run.Name != c.failure || run.Exit != c.exitCode || !KnownRunError(run.Name) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBaselineOverrideFiles(t *testing.T) { // §8.1
	list, err := ParseBaselineOverride([]byte(`[{"BaselineId":"pb-1","CreatedDate":1.5,"SomethingNew":{},"OperatingSystem":"DEBIAN","ApprovedPatches":["bash"]}]`))
	if err != nil || len(list) != 1 || list[0].ApprovedPatches[0] != "bash" {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, text := range []string{`{}`, `null`, `"x"`, ``, `[1`} {
		_, err := ParseBaselineOverride([]byte(text))
		var run *RunError
		if !errors.As(err, &run) || run.Exit != ExitOverrideShape {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err = ParseBaselineOverride([]byte(`[{"OperatingSystem":"DEBIAN"},{"OperatingSystem":"DEBIAN","RejectedPatchesAction":"DROP"}]`))
	var invalid *InvalidError
	if !errors.As(err, &invalid) || invalid.Faults[0].Field != "[1].RejectedPatchesAction" {
		t.Errorf("got %v", err)
	}
	if _, err = ParseBaselineOverride([]byte(`[{"ApprovedPatches":3}]`)); err == nil {
		t.Error("a number was taken for a list")
	}
}

func TestSourcesOfAProduct(t *testing.T) { // §10
	b := legal()
	b.Sources = []PatchSource{{Name: "one", Products: []string{"RedhatEnterpriseLinux9.4"}}, {Name: "two", Products: []string{"RedhatEnterpriseLinux8.10", "*"}}}
	if got, err := b.SelectSources("redhatenterpriselinux9.4"); err != nil || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := b.SelectSources("RedhatEnterpriseLinux7.9"); err != nil || len(got) != 1 || got[0].Name != "two" {
		t.Errorf("got %v, %v", got, err)
	}
	b.Sources = b.Sources[:1]
	if _, err := b.SelectSources("RedhatEnterpriseLinux7.9"); !errors.Is(err, ErrNoSource) {
		t.Errorf("got %v", err)
	}
	b.Sources = nil
	if got, err := b.SelectSources("x"); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
