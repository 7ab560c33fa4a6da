package predefined

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

func TestEveryPredefinedBaselineRoundTripsByteForByteInCanonicalForm(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 17 {
		t.Errorf("%d baselines, want 17", len(all))
	}
	for _, d := range all {
		first := d.Canonical()
		again, err := baseline.Parse(first)
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		if second := again.Canonical(); !bytes.Equal(first, second) {
			t.Errorf("%s:\n%s\n%s", d.Name, first, second)
		}
	}
}

func TestReadingAndWritingChangesNothing(t *testing.T) {
	var raw struct {
		Baselines []json.RawMessage `json:"baselines"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	for _, text := range raw.Baselines {
		d, err := baseline.DecodeDocument(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var before, after any
		if err := errors.Join(json.Unmarshal(text, &before), json.Unmarshal(out, &after)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s:\n%s\n%s", d.Name, text, out)
		}
	}
}

func TestEveryOperatingSystemHasOneDefaultWithAnARN(t *testing.T) {
	names, err := Names()
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 15 || names[baseline.Windows] != "AWS-DefaultPatchBaseline" {
		t.Errorf("%v", names)
	}
	for _, os := range baseline.OperatingSystems() {
		arn, err := DefaultARN("eu-central-1", os)
		if err != nil || !strings.HasPrefix(arn, "arn:aws:ssm:eu-central-1:") {
			t.Errorf("%s: %q, %v", os, arn, err)
		}
	}
}

func TestUnknownNamesAndRegionsAreErrors(t *testing.T) {
	_, byName := ByName("AWS-NoSuchBaseline")
	_, byOS := Default("SOLARIS")
	_, byRegion := DefaultARN("mars-north-1", baseline.Debian)
	for _, err := range []error{byName, byOS, byRegion} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v", err)
		}
	}
}

// TestLintOfPredefinedBaselines documents what lint says about them; anything new
// is a surprise.
func TestLintOfPredefinedBaselines(t *testing.T) {
	documented := map[string]string{
		"AWS-DebianDefaultPatchBaseline":   "apt-delay-ignored", // the API states 7 days, apt has none (§12)
		"AWS-UbuntuDefaultPatchBaseline":   "apt-delay-ignored",
		"AWS-RaspbianDefaultPatchBaseline": "apt-delay-ignored",
		"AWS-MacOSDefaultPatchBaseline":    "macos-delay-ignored", // AMB-21
	}
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		var got []string
		for _, w := range baseline.Lint(&d.Baseline) {
			got = append(got, w.Code)
		}
		if want := documented[d.Name]; strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, documented is %q", d.Name, got, want)
		}
	}
}
