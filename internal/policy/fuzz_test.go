package policy

import (
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

// fuzzImport feeds bytes to one importer. Whatever it accepts must be valid and
// survive the API's JSON.
func fuzzImport(f *testing.F, format Format, file string) {
	for _, c := range texts {
		if c.format == format {
			f.Add([]byte(c.text))
		}
	}
	if about(format).Writes {
		seed, err := Export(format, []*baseline.Baseline{everything()})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte(`[[[[[[{{{{{{`))
	f.Add([]byte("- - - - ? ? : & * !x <<: [a, b]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Import(format, file, data)
		if err != nil {
			return
		}
		if len(got) == 0 {
			t.Fatal("no baseline and no error")
		}
		for _, p := range got {
			if p.Baseline.Name == "" {
				continue // an entry of an override
			}
			if err := p.Baseline.Validate(); err != nil {
				t.Fatalf("accepted and invalid: %v", err)
			}
			if _, err := Export(API, []*baseline.Baseline{p.Baseline}); err != nil {
				t.Fatalf("accepted and not written: %v", err)
			}
		}
	})
}

func FuzzImportAPI(f *testing.F)            { fuzzImport(f, API, "a.json") }
func FuzzImportAWSCLI(f *testing.F)         { fuzzImport(f, AWSCLI, "a.json") }
func FuzzImportOverride(f *testing.F)       { fuzzImport(f, Override, "a.json") }
func FuzzImportPlan(f *testing.F)           { fuzzImport(f, Plan, "a.json") }
func FuzzImportTerraform(f *testing.F)      { fuzzImport(f, Terraform, "a.tf") }
func FuzzImportTerraformJSON(f *testing.F)  { fuzzImport(f, Terraform, "a.tf.json") }
func FuzzImportHCL(f *testing.F)            { fuzzImport(f, HCL, "a.hcl") }
func FuzzImportCloudFormation(f *testing.F) { fuzzImport(f, CloudFormation, "a.yaml") }

func FuzzGuess(f *testing.F) {
	for _, c := range texts {
		f.Add(c.file, []byte(c.text))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if format, err := Guess(name, data); (err == nil) == (format == "") {
			t.Fatalf("format %q, error %v", format, err)
		}
	})
}
