package config

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestJournal_names_the_bucket_of_the_records(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Journal
		refused    string // part of the refusal; empty: none
	}{
		{"no block", ``, Journal{}, ""},
		{"whole", `journal { 
			bucket = "golden-journal" 
			prefix = "/teams/web/" 
		}`, Journal{"golden-journal", "teams/web"}, ""},
		{"no prefix", `journal { bucket = "golden-journal" }`, Journal{"golden-journal", ""}, ""},
		{"no bucket", `journal { prefix = "x" }`, Journal{}, "bucket"},
		{"empty bucket", `journal { bucket = "" }`, Journal{}, "Wrong bucket"},
		{"a URL", `journal { bucket = "s3://golden" }`, Journal{}, "Wrong bucket"},
		{"upper case", `journal { bucket = "Golden" }`, Journal{}, "Wrong bucket"},
		{"two dots", `journal { bucket = "a..b" }`, Journal{}, "Wrong bucket"},
		{"a prefix that leaves", `journal { 
			bucket = "golden" 
			prefix = "../x" 
		}`, Journal{}, "Wrong prefix"},
		{"two blocks", "journal { bucket = \"golden\" }\njournal { bucket = \"other\" }", Journal{}, "journal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("rehydrate.hcl", []byte(c.text))
			switch {
			case c.refused != "":
				if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("got %v, want a refusal of %q", err, c.refused)
				}
			case err != nil:
				t.Error(err)
			case got.Journal != c.want:
				t.Errorf("got %+v", got.Journal)
			}
		})
	}
}
