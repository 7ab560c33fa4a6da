package second

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/roots"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestMain(m *testing.M) {
	roots.MaybeMachine(os.Args)
	os.Exit(m.Run())
}

// ward is a twin with one node that is a real Debian root, behind its security updates.
type ward struct {
	t       *testing.T
	systems *sdkssm.Client
	node    string
}

func newWard(t *testing.T) *ward {
	t.Helper()
	root, dir := testkit.Root(t), t.TempDir() // the root is a lower layer only
	if err := roots.Check(dir); err != nil {
		testkit.Missing(t, "%v", err)
	}
	program := filepath.Join(t.TempDir(), "rehydrate-node")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "github.com/goldenami/rehydrate/cmd/rehydrate-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build rehydrate-node: %v: %s", err, out)
	}
	w, err := world.Open(world.Options{Seed: int64(os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	d := &ward{t: t}
	var compute *ec2.Service
	machines, err := roots.New(roots.Options{OnPower: func(e backing.PowerEvent) { compute.Power(e) }, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	router := &backing.Router{Real: machines}
	compute = ec2.New(w, router, dir)
	compute.Hurry = true
	objects := s3.New(filepath.Join(dir, "s3"))
	systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: router, Objects: objects, Payload: func(string) (string, error) { return program, nil }})
	h := wiretest.Handler(t, w, compute.Wire(), systems.Wire(), objects.Wire())
	w.Start()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.Close()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	})
	err = w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		_, err := compute.AddImage(tx, ec2.Image{ID: image, Name: "debian", Public: true, User: "admin"}, backing.Image{Layers: []string{root}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := wiretest.Config(h, "") // with a clock of its own, as the AWS CLI has
	d.systems = sdkssm.NewFromConfig(cfg)
	out, err := sdkec2.NewFromConfig(cfg).RunInstances(t.Context(), &sdkec2.RunInstancesInput{
		ImageId: aws.String(image), InstanceType: ec2types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{{Key: aws.String("Patch Group"), Value: aws.String("db")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.node = *out.Instances[0].InstanceId
	d.until("the agent", func() bool {
		_, _ = sdkec2.NewFromConfig(cfg).DescribeInstances(t.Context(), &sdkec2.DescribeInstancesInput{InstanceIds: []string{d.node}}) // the second look makes it run
		i, err := d.systems.DescribeInstanceInformation(t.Context(), &sdkssm.DescribeInstanceInformationInput{})
		return err == nil && len(i.InstanceInformationList) == 1 && i.InstanceInformationList[0].PingStatus == types.PingStatusOnline
	})
	return d
}

func (d *ward) until(what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	d.t.Fatalf("%s does not come", what)
}

// command runs a document on the node and returns what came of its step.
func (d *ward) command(document, step string, parameters map[string][]string) *sdkssm.GetCommandInvocationOutput {
	d.t.Helper()
	sent, err := d.systems.SendCommand(d.t.Context(), &sdkssm.SendCommandInput{DocumentName: &document, InstanceIds: []string{d.node}, Parameters: parameters})
	if err != nil {
		d.t.Fatal(err)
	}
	var out *sdkssm.GetCommandInvocationOutput
	d.until("the end of "+document, func() bool {
		out, err = d.systems.GetCommandInvocation(d.t.Context(), &sdkssm.GetCommandInvocationInput{CommandId: sent.Command.CommandId, InstanceId: &d.node, PluginName: aws.String(step)})
		return err == nil && out.Status != types.CommandInvocationStatusPending && out.Status != types.CommandInvocationStatusInProgress && out.Status != types.CommandInvocationStatusDelayed
	})
	if out.Status != types.CommandInvocationStatusSuccess {
		d.t.Fatalf("%s is %s:\n%s\n%s", document, out.Status, *out.StandardOutputContent, *out.StandardErrorContent)
	}
	return out
}

func (d *ward) shell(script string) string {
	d.t.Helper()
	return *d.command("AWS-RunShellScript", "aws:runShellScript", map[string][]string{"commands": {script}}).StandardOutputContent
}

func (d *ward) patch(operation string, more ...string) {
	d.t.Helper()
	p := map[string][]string{"Operation": {operation}}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		p[name] = []string{value}
	}
	d.command("AWS-RunPatchBaseline", "PatchLinux", p)
}

// titles are the node's patches in a state.
func (d *ward) titles(state types.PatchComplianceDataState) (all []string) {
	d.t.Helper()
	for pages := sdkssm.NewDescribeInstancePatchesPaginator(d.systems, &sdkssm.DescribeInstancePatchesInput{InstanceId: &d.node}); pages.HasMorePages(); {
		page, err := pages.NextPage(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		for _, p := range page.Patches {
			if p.State == state {
				all = append(all, *p.Title)
			}
		}
	}
	slices.Sort(all)
	return all
}

// upgrade is a line of apt-get -s about a package that is installed.
var upgrade = regexp.MustCompile(`(?m)^Inst (\S+) \[[^]]+\] \((\S+) .*\[(\S+)\]\)`)

// pending is what apt itself would upgrade, as Patch Manager's titles.
func (d *ward) pending() (all []string) {
	d.t.Helper()
	// Run Command shows the first 24,000 characters of its output: enough here.
	for _, m := range upgrade.FindAllStringSubmatch(d.shell("apt-get -qq -s -o Debug::NoLocking=1 dist-upgrade | grep '^Inst' || true"), -1) {
		name, _, _ := strings.Cut(m[1], ":")
		all = append(all, fmt.Sprintf("%s.%s:%s", name, m[3], m[2]))
	}
	slices.Sort(all)
	return all
}

// begun tells when the node's first process began, in ticks since the host's boot.
const begun = "cut -d' ' -f22 /proc/1/stat"

// TestRunPatchBaselineOnARealDebianRoot holds what AWS-RunPatchBaseline leaves in the
// patch states against apt and dpkg of the root itself: what is missing is what apt would
// upgrade, what is installed is what dpkg has.
func TestRunPatchBaselineOnARealDebianRootSaysWhatAptAndDpkgSay(t *testing.T) {
	d := newWard(t)
	everything, err := d.systems.CreatePatchBaseline(t.Context(), &sdkssm.CreatePatchBaselineInput{
		Name: aws.String("everything"), OperatingSystem: types.OperatingSystemDebian,
		ApprovalRules: &types.PatchRuleGroup{PatchRules: []types.PatchRule{{EnableNonSecurity: aws.Bool(true), ComplianceLevel: types.PatchComplianceLevelHigh,
			PatchFilterGroup: &types.PatchFilterGroup{PatchFilters: []types.PatchFilter{{Key: types.PatchFilterKeyPriority, Values: []string{"*"}}}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.systems.RegisterPatchBaselineForPatchGroup(t.Context(), &sdkssm.RegisterPatchBaselineForPatchGroupInput{BaselineId: everything.BaselineId, PatchGroup: aws.String("db")}); err != nil {
		t.Fatal(err)
	}

	d.patch("Scan")
	want := d.pending() // after the scan, which has refreshed the lists
	if len(want) == 0 {
		t.Fatal("apt has nothing to upgrade: the root shows nothing")
	}
	if got := d.titles(types.PatchComplianceDataStateMissing); !slices.Equal(got, want) {
		t.Errorf("missing is not what apt would upgrade:\n got %v\nwant %v", got, want)
	}
	before, boot := versions(d), d.shell(begun)

	d.patch("Install", "RebootOption=RebootIfNeeded")
	if d.shell(begun) == boot {
		t.Error("the node was not rebooted")
	}
	if left, apt := d.titles(types.PatchComplianceDataStateMissing), d.pending(); len(left) > 0 || len(apt) > 0 {
		t.Errorf("still missing: %v; apt says: %v", left, apt)
	}
	after, installed := versions(d), d.titles(types.PatchComplianceDataStateInstalled)
	for _, title := range want {
		if !slices.Contains(installed, title) {
			t.Errorf("%s was missing and is not installed now", title)
		}
		name, version, _ := strings.Cut(title, ":") // a version may have an epoch
		if after[name] != version || before[name] == version {
			t.Errorf("dpkg had %s %s and has %s, want %s", name, before[name], after[name], version)
		}
	}
	if out := d.shell("dpkg --audit"); out != "" {
		t.Errorf("dpkg finds: %s", out)
	}
	states, err := d.systems.DescribeInstancePatchStates(t.Context(), &sdkssm.DescribeInstancePatchStatesInput{InstanceIds: []string{d.node}})
	if err != nil || len(states.InstancePatchStates) != 1 {
		t.Fatal(states, err)
	}
	s := states.InstancePatchStates[0]
	if s.MissingCount != 0 || s.FailedCount != 0 || s.Operation != types.PatchOperationTypeInstall || *s.BaselineId != *everything.BaselineId ||
		int(s.InstalledCount)+int(s.InstalledOtherCount) != len(after) {
		t.Errorf("%+v of %d packages", s, len(after))
	}

	// A negative: what is rejected and blocked is told, and not touched.
	if _, err := d.systems.UpdatePatchBaseline(t.Context(), &sdkssm.UpdatePatchBaselineInput{BaselineId: everything.BaselineId, RejectedPatches: []string{"sudo"}, RejectedPatchesAction: types.PatchActionBlock}); err != nil {
		t.Fatal(err)
	}
	d.patch("Scan")
	if got := d.titles(types.PatchComplianceDataStateInstalledRejected); len(got) != 1 || !strings.HasPrefix(got[0], "sudo.") || !maps.Equal(after, versions(d)) {
		t.Errorf("rejected: %v", got)
	}
}

// versions is what dpkg has, by name and architecture.
func versions(d *ward) map[string]string {
	d.t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(d.shell("dpkg-query -W -f '${db:Status-Status} ${Package}.${Architecture} ${Version}\\n'")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "installed" {
			out[f[1]] = f[2]
		}
	}
	return out
}
