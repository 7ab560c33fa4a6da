package ssm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// The patch agent: what AWS-RunPatchBaseline does on a node. It runs the product's own
// flow (internal/node): over package data on a modelled node, by rehydrate-node with
// the root's own apt, dnf or zypper on a real root.
//
// Evidence for patch states is therefore never the twin's agreement with the product:
// both share baseline.Evaluate. It is the specification's vectors, what apt, dnf and
// zypper say of real roots, and expectations written by hand (patchagent_test.go).
//
// One counter is lower than AWS's: the flow reads the offers of installed packages only,
// so NotApplicableCount does not count what is approved and not installed.

// patchRun is one run of the document on one node.
type patchRun struct {
	*job
	op       baseline.Operation
	reboot   baseline.RebootOption
	override *baseline.InstallOverrideList // nil: none given, or a Scan
	listed   string                        // where that was from
	snap     patchSnapshot
	began    time.Time
	result   *baseline.Result
	changed  int          // packages
	waiting  int          // packages that waited for a reboot before
	again    func() error // judges once more after the reboot; nil: that changes nothing
	remarks  string       // for people
	trouble  string       // why an Install did not do all that it should
}

func (j *job) parameter(name string) string {
	return strings.Join(j.c.Bound[name], "")
}

// patch is the document's Linux step.
func (j *job) patch(ctx context.Context) outcome {
	limit := 7200 * time.Second
	if n, err := strconv.Atoi(j.parameter("StepTimeoutSeconds")); err == nil {
		limit = time.Duration(n) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := &patchRun{job: j, op: baseline.Operation(j.parameter("Operation")), reboot: baseline.RebootOption(j.parameter("RebootOption")), began: j.s.w.Clock().Now()}
	final, err := r.do(ctx)
	var run *baseline.RunError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return outcome{types.CommandInvocationStatusTimedOut, "ExecutionTimedOut", 137, []byte(r.remarks), nil}
	case errors.As(err, &run):
		return failed(max(run.Exit, 1), "%s", run.Text)
	case err != nil:
		return failed(baseline.ExitFailure, "%v", err)
	case final != baseline.ExitOK:
		o := failed(final, "%s", orElse(r.trouble, fmt.Sprintf("failed to run commands: exit status %d", final)))
		o.stdout = []byte(r.summary())
		return o
	}
	return outcome{types.CommandInvocationStatusSuccess, "Success", 0, []byte(r.summary()), nil}
}

// do works through the run and says with which exit code it ends.
func (r *patchRun) do(ctx context.Context) (int, error) {
	who, err := r.lists()
	if err != nil {
		return 0, err
	}
	// The lists are refreshed here, and every later request judges by the same.
	found, err := r.ask(ctx, record.NodeRequest{Schema: record.NodeSchema, Operation: "Collect"})
	if err != nil {
		return 0, err
	}
	if found.Before == nil || !found.Before.Inventory.OS.Known() {
		return 0, errors.New("the node's operating system is not known")
	}
	node := found.Before.Inventory
	err = r.tx(func(tx *world.Tx) error {
		patchNodes(tx).Put(r.p.Instance, patchNode{OS: node.OS, Product: node.Product})
		r.snap, err = r.s.snapshot(tx, r.p.Instance, r.parameter("SnapshotId"), node.OS, who)
		return err
	})
	if err != nil {
		return 0, err
	}
	switch {
	case r.op == baseline.OperationScan:
		err = r.scan(ctx)
	case r.override != nil:
		err = r.installListed(ctx, found.Before)
	default:
		err = r.install(ctx)
	}
	if err != nil {
		return 0, err
	}
	decision, err := baseline.DecideReboot(baseline.RebootInput{
		Operation: r.op, RebootOption: r.reboot, PackagesChanged: r.changed, PendingBefore: r.waiting, PackageManager: r.went(),
	})
	if err != nil {
		return 0, err
	}
	if !decision.Reboot {
		return decision.ExitCode, r.report()
	}
	if r.again == nil {
		if err := r.report(); err != nil {
			return 0, err
		}
	}
	if err := r.s.Machines.Reboot(ctx, r.p.Instance); err != nil {
		return 0, fmt.Errorf("reboot: %w", err)
	}
	if r.again == nil {
		return decision.ExitCodeAfterReboot, nil
	}
	if err := r.again(); err != nil {
		return 0, err
	}
	return decision.ExitCodeAfterReboot, r.report()
}

func (r *patchRun) tx(f func(*world.Tx) error) error {
	return r.s.w.Do(r.p.Account, r.p.Region, f)
}

// scan judges the node as it is.
func (r *patchRun) scan(ctx context.Context) error {
	rep, err := r.judge(ctx, "Scan", r.snap.Policy)
	r.result = rep.Evaluation
	return err
}

// judge asks for an operation by a policy. A node that cannot be judged is an error:
// unknown is never a state.
func (r *patchRun) judge(ctx context.Context, op string, policy baseline.Baseline) (record.NodeReport, error) {
	text, err := json.Marshal(policy)
	if err != nil {
		return record.NodeReport{}, fmt.Errorf("write the baseline: %w", err)
	}
	rep, err := r.ask(ctx, record.NodeRequest{Schema: record.NodeSchema, Operation: op, Baseline: text, RebootOption: string(r.reboot), NoRefresh: true})
	switch {
	case rep.Evaluation == nil && err == nil:
		err = errors.New("the node could not be judged: " + rep.Error)
	case rep.Evaluation != nil && op == "Install" && err != nil:
		r.trouble, err = err.Error(), nil // the states say what failed
	}
	r.changed += len(rep.Changes)
	return rep, err
}

// install installs what the baseline approves. What then is still missing has failed
// (specification §7: without an override, Missing never stays after an Install).
func (r *patchRun) install(ctx context.Context) error {
	rep, err := r.judge(ctx, "Install", r.snap.Policy)
	if err != nil {
		return err
	}
	r.result = rep.Evaluation
	if rep.RebootAsked && len(rep.Changes) == 0 {
		r.waiting = 1
	}
	for i := range r.result.Items {
		if it := &r.result.Items[i]; it.State == baseline.StateMissing {
			it.State = baseline.StateFailed
		}
	}
	recount(r.result)
	return nil
}

// went is how the package manager's part ended.
func (r *patchRun) went() baseline.PackageManagerOutcome {
	if r.op != baseline.OperationInstall || r.result.Counts.FailedCount == 0 && r.trouble == "" {
		return baseline.PackagesOK
	}
	dependencies := r.result.Counts.FailedCount > 0
	for _, it := range r.result.Items {
		if it.State == baseline.StateFailed && !strings.HasPrefix(it.Reason, "needs ") {
			dependencies = false
		}
	}
	switch {
	case dependencies:
		return baseline.PackagesDependency
	case r.changed > 0:
		return baseline.PackagesPartial
	}
	return baseline.PackagesFailed
}

// report uploads the result. That of a plain BaselineOverride is not uploaded, only
// printed; with an association it is a patch policy's (specification §8.1).
func (r *patchRun) report() error {
	kind := "Command"
	switch {
	case r.snap.Override && r.parameter("AssociationId") == "":
		for _, it := range r.result.Items {
			if failing(it) {
				r.remarks += fmt.Sprintf("%s %s %s\n", it.State, it.Title, it.ComplianceLevel)
			}
		}
		return nil
	case r.snap.Override:
		kind = "PatchPolicy"
	}
	return r.tx(func(tx *world.Tx) error {
		p := patchState{
			Instance: r.p.Instance, Group: r.snap.Group, Baseline: orElse(r.snap.Baseline, "BaselineOverride-of-association"), Snapshot: r.snap.ID, Operation: string(r.op),
			RebootOption: string(r.reboot), Override: r.listed, Command: r.p.Command, Kind: kind, Began: r.began, Ended: tx.Now, Counts: r.result.Counts, Items: slices.Clone(r.result.Items),
		}
		if r.op == baseline.OperationInstall && r.reboot == baseline.NoReboot {
			p.NoReboot = tx.Now
		}
		r.s.upload(tx, p)
		return nil
	})
}

// summary is what the step prints; the words are ours.
func (r *patchRun) summary() string {
	if r.result == nil {
		return r.remarks
	}
	c := r.result.Counts
	text := fmt.Sprintf("%s of %s\nBaseline: %s\nPatchGroup: %s\nSnapshotId: %s\nRebootOption: %s\nPackagesChanged: %d\n", r.op, r.p.Instance, orElse(r.snap.Baseline, "override"), r.snap.Group, r.snap.ID, r.reboot, r.changed)
	for _, n := range []struct {
		name string
		n    int
	}{
		{"Installed", c.InstalledCount}, {"InstalledOther", c.InstalledOtherCount}, {"InstalledPendingReboot", c.InstalledPendingRebootCount},
		{"InstalledRejected", c.InstalledRejectedCount}, {"Missing", c.MissingCount}, {"Failed", c.FailedCount}, {"NotApplicable", c.NotApplicableCount},
	} {
		text += fmt.Sprintf("%s: %d\n", n.name, n.n)
	}
	return text + r.remarks
}
