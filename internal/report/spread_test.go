package report

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/record"
)

func TestAReportSaysWhereAnImageStandsAndWhoSawIt(t *testing.T) {
	r := &record.Run{ID: "r", Spread: &record.Spread{Mode: "share", Warnings: []string{"whether X holds <cannot> be judged"},
		Images: []record.Placed{{Account: "111122223333", Region: "eu-west-1", Image: "ami-1", Key: "arn:key", Outcome: "done"},
			{Account: "111122223333", Region: "us-east-1", Outcome: "failed", Text: "no | luck"}},
		Grants: []record.Granted{{Key: "arn:key", Grantee: "arn:role"}},
		Seen:   []record.Seen{{Account: "222222222222", Region: "eu-west-1", Image: "ami-1", Verified: true, Canary: true}, {Account: "333333333333", Region: "eu-west-1", Image: "ami-1", Text: "does not see it"}}}}
	for format, wants := range map[string][]string{
		"md": {"Accounts and Regions (share)", "| 111122223333 | us-east-1 | – | – | failed no \\| luck |", "| 222222222222 | eu-west-1 | ami-1 | launched |",
			"**not verified**: does not see it", "granted `arn:role` the use of key `arn:key`", "&lt;cannot>"},
		"html": {"Accounts and Regions (share)", "no | luck", "verified, launched", "not verified does not see it", "<code>arn:role</code>", "&lt;cannot&gt;"},
	} {
		var b strings.Builder
		if err := Write(&b, format, r); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s does not say %q:\n%s", format, want, b.String())
			}
		}
	}
}
