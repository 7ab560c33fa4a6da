package ssm

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestManagedInstances(t *testing.T) {
	r := newRig(t)
	r.ec2.instances[1].State = "stopped"
	r.ec2.instances[2].State = "pending"
	out, err := r.c.DescribeInstanceInformation(t.Context(), &sdk.DescribeInstanceInformationInput{})
	if err != nil || len(out.InstanceInformationList) != 2 || out.InstanceInformationList[0].PingStatus != types.PingStatusOnline || out.InstanceInformationList[1].PingStatus != types.PingStatusConnectionLost {
		t.Fatalf("%+v %v", out, err)
	}
	f := []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: []string{"i-00000001", "i-00000002"}}}
	if out, err = r.c.DescribeInstanceInformation(t.Context(), &sdk.DescribeInstanceInformationInput{Filters: f}); err != nil || len(out.InstanceInformationList) != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	f[0].Key = aws.String("Colour")
	if _, err = r.c.DescribeInstanceInformation(t.Context(), &sdk.DescribeInstanceInformationInput{Filters: f}); code(err) != "InvalidFilterKey" {
		t.Fatal(err)
	}
}

func TestComplianceItems(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	put := func(id string, items ...types.ComplianceItemEntry) error {
		_, err := r.c.PutComplianceItems(ctx, &sdk.PutComplianceItemsInput{
			ResourceId: &id, ResourceType: aws.String("ManagedInstance"), ComplianceType: aws.String("Custom:Rehydrate"),
			ExecutionSummary: &types.ComplianceExecutionSummary{ExecutionTime: aws.Time(wiretest.Start)}, Items: items,
		})
		return err
	}
	item := func(id string, st types.ComplianceStatus, sv types.ComplianceSeverity) types.ComplianceItemEntry {
		return types.ComplianceItemEntry{Id: &id, Title: &id, Status: st, Severity: sv}
	}
	if err := put("i-0000dead", item("x", types.ComplianceStatusCompliant, types.ComplianceSeverityLow)); code(err) != "InvalidResourceId" {
		t.Fatal(err)
	}
	if err := put("i-00000000", item("old", types.ComplianceStatusCompliant, types.ComplianceSeverityLow)); err != nil {
		t.Fatal(err)
	}
	if err := put("i-00000000", item("a", types.ComplianceStatusCompliant, types.ComplianceSeverityLow), item("b", types.ComplianceStatusNonCompliant, types.ComplianceSeverityCritical)); err != nil {
		t.Fatal(err)
	}
	l, err := r.c.ListComplianceItems(ctx, &sdk.ListComplianceItemsInput{ResourceIds: []string{"i-00000000"}, ResourceTypes: []string{"ManagedInstance"}})
	if err != nil || len(l.ComplianceItems) != 2 || *l.ComplianceItems[0].Id != "a" {
		t.Fatalf("a put replaces what was there: %+v %v", l, err)
	}
	s, err := r.c.ListResourceComplianceSummaries(ctx, &sdk.ListResourceComplianceSummariesInput{})
	if err != nil || len(s.ResourceComplianceSummaryItems) != 1 {
		t.Fatal(err)
	}
	if x := s.ResourceComplianceSummaryItems[0]; x.Status != types.ComplianceStatusNonCompliant || x.OverallSeverity != types.ComplianceSeverityCritical || x.CompliantSummary.CompliantCount != 1 {
		t.Fatalf("%+v", x)
	}
}

// A twin that ends in the middle of a command runs the step again when it is back.
func TestRestartedTwinRunsTheInterruptedStepAgain(t *testing.T) {
	dir := t.TempDir()
	var runs int
	open := func(run func(ctx context.Context) (int, error)) (*world.World, *Service, *sdk.Client) {
		w, err := world.Open(world.Options{Dir: filepath.Join(dir, "world"), Mode: world.Manual, Start: wiretest.Start})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{t: t, w: w}
		r.wire()
		r.machines = &fakeMachines{files: map[string]string{}, modes: map[string]fs.FileMode{}, run: func(ctx context.Context, _ string, _ backing.Command) (int, error) { return run(ctx) }}
		r.s = New(w, Ports{EC2: r.ec2, Machines: r.machines, Objects: s3.New(dir)})
		w.Start()
		return w, r.s, sdk.NewFromConfig(wiretest.Client(t, w, r.s.Wire()))
	}
	began := make(chan struct{})
	w, _, c := open(func(ctx context.Context) (int, error) {
		runs++
		close(began)
		<-ctx.Done()
		return -1, ctx.Err()
	})
	out, err := c.SendCommand(t.Context(), &sdk.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{"i-00000000"}, Parameters: map[string][]string{"commands": {"x"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock().Step(time.Minute)
	<-began
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, s, c := open(func(context.Context) (int, error) { runs++; return 0, nil })
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		i, err := c.GetCommandInvocation(t.Context(), &sdk.GetCommandInvocationInput{CommandId: out.Command.CommandId, InstanceId: aws.String("i-00000000")})
		if err != nil {
			t.Fatal(err)
		}
		if i.Status == types.CommandInvocationStatusSuccess {
			break
		}
	}
	if runs != 2 {
		t.Fatalf("ran %d times", runs)
	}
}
