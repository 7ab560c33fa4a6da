package ssm

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const overrideEntry = `{"OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ComplianceLevel":"CRITICAL"}]}}`

func TestABaselineOverrideJudgesAndIsNotUploaded(t *testing.T) {
	r := newPatchRig(t, released)
	r.object("o.json", "["+overrideEntry+`,{"OperatingSystem":"UBUNTU"}]`)
	c, i := r.patch("Scan", "BaselineOverride=s3://kit/o.json")
	if c.Status != types.CommandStatusSuccess || !strings.Contains(*i.StandardOutputContent, "Missing app.amd64:2 CRITICAL") {
		t.Fatalf("%s %s%s", c.Status, *i.StandardOutputContent, *i.StandardErrorContent)
	}
	if s := r.state(); s != nil {
		t.Errorf("uploaded: %+v", s)
	}
	// A patch policy's is.
	r.patch("Scan", "BaselineOverride=s3://kit/o.json", "AssociationId=11111111-2222-3333-4444-555555555555")
	if s := r.state(); s == nil || s.MissingCount != 2 || *s.CriticalNonCompliantCount != 2 {
		t.Errorf("%+v", s)
	}
	items, err := r.c.ListComplianceItems(t.Context(), &sdk.ListComplianceItemsInput{})
	if err != nil || *items.ComplianceItems[0].ExecutionSummary.ExecutionType != "PatchPolicy" || items.ComplianceItems[0].Severity != types.ComplianceSeverityCritical {
		t.Errorf("%+v %v", items, err)
	}
}

func TestBadOverridesEndWithTheirOwnExitCode(t *testing.T) {
	r := newPatchRig(t, released)
	r.object("none.json", `[{"OperatingSystem":"SUSE"}]`)
	r.object("two.json", "["+overrideEntry+","+overrideEntry+"]")
	r.object("object.json", overrideEntry)
	r.object("ok.json", "["+overrideEntry+"]")
	r.object("list.yaml", "patches:\n- id: app.amd64\n")
	r.object("noid.yaml", "patches:\n- title: app\n")
	for name, c := range map[string]struct {
		params []string
		code   int32
	}{
		"not there":                {[]string{"BaselineOverride=s3://kit/nope.json"}, 162},
		"from elsewhere":           {[]string{"BaselineOverride=https://elsewhere.test/o.json"}, 162},
		"no entry for the OS":      {[]string{"BaselineOverride=s3://kit/none.json"}, 163},
		"two entries":              {[]string{"BaselineOverride=https://s3.eu-west-1.amazonaws.com/kit/two.json"}, 165},
		"not a list":               {[]string{"BaselineOverride=s3://kit/object.json"}, 161},
		"both":                     {[]string{"BaselineOverride=s3://kit/ok.json", "InstallOverrideList=s3://kit/list.yaml"}, 167},
		"an entry without id":      {[]string{"InstallOverrideList=s3://kit/noid.yaml"}, 1},
		"a list that is not there": {[]string{"InstallOverrideList=s3://kit/nope.yaml"}, 1},
		"a dollar in the name":     {[]string{"InstallOverrideList=s3://kit/a$b"}, 1},
	} {
		if cmd, i := r.patch("Install", c.params...); cmd.Status != types.CommandStatusFailed || i.ResponseCode != c.code {
			t.Errorf("%s: %s, %d: %s", name, cmd.Status, i.ResponseCode, *i.StandardErrorContent)
		}
	}
	if s := r.state(); s != nil || r.machines.reboots > 0 {
		t.Errorf("something was done: %+v", s)
	}
}

func TestAnOverrideListInstallsWhatItNames(t *testing.T) {
	r := newPatchRig(t, nil)
	r.object("list.yaml", "patches:\n- id: app.amd64\n  title: app.amd64:2\n- id: held.amd64\n- id: nothing-here\n")
	// A Scan ignores the list.
	r.patch("Scan", "InstallOverrideList=s3://kit/list.yaml")
	r.expect("MISSING app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "MISSING held.amd64:2", "MISSING linux-image-cloud.amd64:2")
	c, i := r.patch("Install", "InstallOverrideList=s3://kit/list.yaml")
	if c.Status != types.CommandStatusFailed || i.ResponseCode != 1 || r.machines.reboots != 1 {
		t.Fatalf("%s %d after %d reboots: %s", c.Status, i.ResponseCode, r.machines.reboots, *i.StandardErrorContent)
	}
	// app came with the lib that it needs; held is on hold and failed; the kernel is the
	// baseline's and not in the list: missing.
	r.expect("INSTALLED app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "FAILED held.amd64:2", "INSTALLED lib.amd64:2", "MISSING linux-image-cloud.amd64:2")
	if s := r.state(); *s.InstallOverrideList != "s3://kit/list.yaml" || s.FailedCount != 1 || s.MissingCount != 1 || s.InstalledCount != 2 || *s.SecurityNonCompliantCount != 2 {
		t.Errorf("%+v", s)
	}
}

func TestAnOverrideListInstallsEvenWhatIsRejected(t *testing.T) {
	r := newPatchRig(t, released)
	id := r.baseline(func(in *sdk.CreatePatchBaselineInput) { in.RejectedPatches = []string{"app"} })
	if _, err := r.c.RegisterDefaultPatchBaseline(t.Context(), &sdk.RegisterDefaultPatchBaselineInput{BaselineId: &id}); err != nil {
		t.Fatal(err)
	}
	r.object("list.yaml", "patches:\n- id: app.amd64\n")
	if c, i := r.patch("Install", "InstallOverrideList=s3://kit/list.yaml", "RebootOption=NoReboot"); c.Status != types.CommandStatusSuccess || r.machines.reboots != 0 {
		t.Fatalf("%s: %s", c.Status, *i.StandardErrorContent)
	}
	r.expect("INSTALLED_PENDING_REBOOT app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED_PENDING_REBOOT lib.amd64:2", "MISSING linux-image-cloud.amd64:2")
	r.object("empty.yaml", "patches: []\n")
	if c, i := r.patch("Install", "InstallOverrideList=s3://kit/empty.yaml"); c.Status != types.CommandStatusSuccess || r.machines.reboots != 1 || !strings.Contains(*i.StandardOutputContent, "nothing will be installed") {
		t.Fatalf("%s, %d reboots: %s", c.Status, r.machines.reboots, *i.StandardOutputContent)
	}
	r.expect("INSTALLED_OTHER app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED lib.amd64:2", "MISSING linux-image-cloud.amd64:2")
}

func TestTheDocumentsParametersAreChecked(t *testing.T) {
	r := newPatchRig(t, released)
	for name, params := range map[string]map[string][]string{
		"no operation":   {"RebootOption": {"NoReboot"}},
		"an unknown one": {"Operation": {"Remove"}},
		"a reboot word":  {"Operation": {"Scan"}, "RebootOption": {"Never"}},
		"a snapshot":     {"Operation": {"Scan"}, "SnapshotId": {"mine"}},
		"a file":         {"Operation": {"Scan"}, "BaselineOverride": {"/etc/o.json"}},
		"a time":         {"Operation": {"Scan"}, "StepTimeoutSeconds": {"36001"}},
	} {
		_, err := r.send(func(in *sdk.SendCommandInput) { in.DocumentName, in.Parameters = aws.String(runPatchBaseline), params }, "i-00000000")
		if code(err) != "InvalidParameters" {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := r.mustSend(func(in *sdk.SendCommandInput) {
		in.DocumentName, in.Parameters = aws.String(runPatchBaseline), map[string][]string{"Operation": {"Scan"}}
	}, "i-00000000")
	r.step(0)
	r.step(60e9)
	r.command(id)
	for step, want := range map[string]string{"PatchWindows": "skipped", "PatchMacOS": "skipped", "PatchLinux": "Missing: 2"} {
		if i, err := r.invocation(id, "i-00000000", step); err != nil || !strings.Contains(*i.StandardOutputContent, want) {
			t.Errorf("%s: %v %v", step, i, err)
		}
	}
}
