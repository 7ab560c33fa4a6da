package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What `aws ssm get-patch-baseline` prints, and what boto3 hands out.
func TestRealDocumentsAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"AWS CLI": `{"BaselineId":"pb-0123456789abcdef0","Name":"web","OperatingSystem":"AMAZON_LINUX_2023","GlobalFilters":{"PatchFilters":[]},
			"ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"CLASSIFICATION","Values":["Security"]}]},"ComplianceLevel":"HIGH","ApproveAfterDays":7,"EnableNonSecurity":false}]},
			"ApprovedPatches":[],"ApprovedPatchesComplianceLevel":"UNSPECIFIED","ApprovedPatchesEnableNonSecurity":false,"RejectedPatches":[],"RejectedPatchesAction":"ALLOW_AS_DEPENDENCY",
			"PatchGroups":["web servers","a/b@c"],"CreatedDate":"2025-01-01T10:00:00.123000+01:00","ModifiedDate":1735722000.123,"Description":"d","Sources":[]}`,
		"boto3":       `{"BaselineId":"arn:aws:ssm:eu-central-1:123456789012:patchbaseline/pb-0123456789abcdef0","Name":"web","ResponseMetadata":{"HTTPHeaders":{"date":"x"},"RetryAttempts":0}}`,
		"a request":   `{"Name":"web","ClientToken":"t","Tags":[{"Key":"a","Value":""}]}`,
		"null fields": `{"Name":"web","Tags":null,"GlobalFilters":null,"Description":null,"ApprovalRules":{"PatchRules":null}}`,
	} {
		doc, err := DecodeDocument([]byte(text))
		if err == nil {
			err = doc.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFaultOfADocumentIsReported(t *testing.T) {
	_, err := Parse([]byte(`{"Name":"x","Description":"","OperatingSystem":"","ApprovedPatchesComplianceLevel":"","RejectedPatchesAction":"","AvailableSecurityUpdatesComplianceStatus":"",
		"ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[]},"ComplianceLevel":"","ApproveUntilDate":"","ApproveAfterDays":1}]},
		"BaselineId":"pb-1","ClientToken":"` + strings.Repeat("x", 65) + `","PatchGroups":["","a,b","` + strings.Repeat("x", 257) + `"],"Tags":[{"key":"a"}]}`))
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range invalid.Faults {
		got = append(got, f.Field)
	}
	want := []string{
		"Name", "OperatingSystem", "Description", "ApprovedPatchesComplianceLevel", "RejectedPatchesAction", "AvailableSecurityUpdatesComplianceStatus",
		"ApprovalRules.PatchRules[0].ComplianceLevel", "ApprovalRules.PatchRules[0].ApproveUntilDate",
		"BaselineId", "PatchGroups[0]", "PatchGroups[1]", "PatchGroups[2]", "ClientToken", "Tags",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	tags := strings.TrimSuffix(strings.Repeat(`{"Key":"k","Value":"v"},`, 1001), ",")
	for text, want := range map[string]string{
		fmt.Sprintf(`{"Name":"web","Tags":[%s]}`, tags):                                  "at most 1000 tags",
		`{"Name":"web","ClientToken":""}`:                                                "ClientToken",
		`{"Name":"web","BaselineId":""}`:                                                 "BaselineId",
		`{"Name":"web","name":"abc"}`:                                                    "written Name",
		`{"Name":"web","Name":"abc"}`:                                                    `second field "Name"`,
		`{"Name":"web","ApprovalRules":{"PatchRules":[{"approveAfterDays":1,"Foo":1}]}}`: `"approveAfterDays" in ApprovalRules.PatchRules[0]; unknown field "Foo"`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
}
