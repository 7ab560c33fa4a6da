package report

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

func TestAReportSaysOfEveryPointerHowItStands(t *testing.T) {
	one := []record.Pointer{{Channel: "/golden/web/latest", Image: "ami-1", Build: "/golden/web/builds/r", From: "ami-0", Version: 7, Outcome: "moved"}}
	put := []record.Pointer{{Account: "222222222222", Region: "eu-west-1", Channel: "/golden/web/latest", Image: "ami-1", From: "ami-0", Version: 9, Outcome: "put-back"},
		{Account: "222222222222", Region: "us-east-1", Channel: "/golden/web/latest", Image: "ami-2", Outcome: "refused", Text: "slow | down"}}
	kept := []record.Pointer{{Channel: "/golden/web/latest", Build: "/golden/web/builds/first", Image: "ami-1", Version: 7, Outcome: "held"}}
	byHand := []record.Pointer{{Channel: "/golden/web/latest", Image: "ami-1", Version: 7, Outcome: "held"}}
	for _, format := range []string{"md", "html"} {
		for name, c := range map[string]struct {
			pointers []record.Pointer
			has, not string
		}{
			"one that moved":       {one, "immutable entry", "version</th>"},
			"one that was held":    {kept, "held already, version 7", "→"},
			"as it was published":  {kept, "/golden/web/builds/first", "builds/r`"},
			"by hand":              {byHand, "held already", "immutable entry"},
			"one that was refused": {put[1:], "us-east-1", "immutable entry"},
			"several":              {put, "put-back", "immutable entry"},
		} {
			var b strings.Builder
			if err := Write(&b, format, &record.Run{ID: "r", Publish: &record.Publish{Channel: "/golden/web/latest", Image: "ami-1", Version: 7, Build: c.pointers[0].Build, Pointers: c.pointers}}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), c.has) || strings.Contains(b.String(), c.not) {
				t.Errorf("%s, %s:\n%s", format, name, b.String())
			}
		}
	}
}
