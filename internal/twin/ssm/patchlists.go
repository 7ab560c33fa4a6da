package ssm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// maxList bounds what is read of an override file.
const maxList = 8 << 20

// lists reads BaselineOverride and InstallOverrideList (specification §6.5, §8.1).
func (r *patchRun) lists() (baseline.NodeIdentity, error) {
	var who baseline.NodeIdentity
	from, listed := r.parameter("BaselineOverride"), r.parameter("InstallOverrideList")
	who.HasOverride, who.HasInstallOverride = from != "", listed != ""
	if who.HasOverride && who.HasInstallOverride {
		// The account is not asked: the two exclude each other whatever it says.
		_, err := (&baseline.Account{}).Resolve(who)
		return who, err
	}
	if who.HasOverride {
		text, err := r.file(from)
		if err != nil {
			exit := baseline.ExitOverrideDownload
			var refused *wire.Error
			if errors.As(err, &refused) && refused.Code == "AccessDenied" {
				exit = baseline.ExitOverrideAccess
			}
			return who, &baseline.RunError{Name: "BaselineOverrideDownload", Exit: exit, Text: "read the BaselineOverride: " + err.Error()}
		}
		if who.Override, err = baseline.ParseBaselineOverride(text); err != nil {
			return who, err
		}
	}
	if who.HasInstallOverride && r.op == baseline.OperationInstall { // a Scan ignores it
		text, err := r.file(listed)
		if err != nil {
			return who, fmt.Errorf("read the InstallOverrideList: %w", err)
		}
		list, warnings, err := baseline.ParseInstallOverrideList(text)
		if err != nil {
			return who, err
		}
		r.override, r.listed = list, listed
		for _, w := range warnings {
			r.remarks += w + "\n"
		}
	}
	return who, nil
}

// file reads what a parameter names: an object in S3 by either kind of address. The twin
// fetches nothing from other places.
func (r *patchRun) file(address string) ([]byte, error) {
	if name := address[strings.LastIndex(address, "/")+1:]; strings.ContainsAny(name, "`\"'$") {
		return nil, fmt.Errorf("the file name %s holds a character that is not allowed", name)
	}
	var o object
	if rest, ok := strings.CutPrefix(address, "s3://"); ok {
		o.bucket, o.key, _ = strings.Cut(rest, "/")
	} else {
		var err error
		if o.bucket, o.key, err = location(address); err != nil {
			return nil, fmt.Errorf("%w: the twin fetches from its own S3 only", err)
		}
	}
	body, err := r.open(o)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxList+1))
	if err == nil && len(text) > maxList {
		err = fmt.Errorf("%s is larger than %d bytes", address, maxList)
	}
	return text, err
}

// listedEntries is how many packages one request installs: a baseline names at most 50.
const listedEntries = 50

// installListed installs what the override list names, approved or not, rejected or not
// (specification §6.5), with what that needs; the states come from the baseline.
func (r *patchRun) installListed(ctx context.Context, node *baseline.Node) error {
	// What the evaluator would call failed if nothing changed is what is to be installed
	// or refused.
	before, err := baseline.EvaluateRun(&r.snap.Policy, *node, baseline.Run{Operation: baseline.OperationInstall, Override: r.override}, r.began, baseline.Options{})
	if err != nil {
		return err
	}
	var titles []string
	targets := map[string]baseline.Item{}
	for _, it := range before.Items {
		if it.State == baseline.StateFailed {
			targets[it.ID] = it
			if it.Reason == "" {
				titles = append(titles, it.Title)
			}
		}
	}
	yes := true
	for len(titles) > 0 {
		n := min(len(titles), listedEntries)
		if _, err := r.judge(ctx, "Install", baseline.Baseline{
			Name: "install-override-list", OperatingSystem: node.Inventory.OS, ApprovedPatches: titles[:n], ApprovedPatchesEnableNonSecurity: &yes,
		}); err != nil {
			return err
		}
		titles = titles[n:]
	}
	if err := r.scan(ctx); err != nil {
		return err
	}
	r.waiting = r.result.Counts.InstalledPendingRebootCount
	r.again = func() error { // what waited for the reboot has had it
		if err := r.scan(ctx); err != nil {
			return err
		}
		r.refail(node.Inventory.OS, targets)
		return nil
	}
	r.refail(node.Inventory.OS, targets)
	return nil
}

// refail shows as failed what is still older than the list wants it; the evaluator's own
// words say why.
func (r *patchRun) refail(os baseline.OperatingSystem, targets map[string]baseline.Item) {
	for i := range r.result.Items {
		it := &r.result.Items[i]
		if want, ok := targets[it.ID]; ok && baseline.CompareVersions(os, it.Installed, want.Version) < 0 {
			*it = want
		}
	}
	recount(r.result)
}

// recount counts the items again (specification §7.2). What is not applicable is counted
// and never listed.
func recount(res *baseline.Result) {
	c := baseline.Counts{NotApplicableCount: res.Counts.NotApplicableCount, UnreportedNotApplicableCount: res.Counts.UnreportedNotApplicableCount}
	by := map[baseline.State]*int{
		baseline.StateInstalled: &c.InstalledCount, baseline.StateInstalledOther: &c.InstalledOtherCount, baseline.StateInstalledRejected: &c.InstalledRejectedCount,
		baseline.StateInstalledPendingReboot: &c.InstalledPendingRebootCount, baseline.StateMissing: &c.MissingCount, baseline.StateFailed: &c.FailedCount,
	}
	for _, it := range res.Items {
		if n := by[it.State]; n != nil {
			*n++
		}
		if !failing(it) {
			continue
		}
		critical, security := it.ComplianceLevel == baseline.LevelCritical, strings.EqualFold(it.Classification, "Security")
		if critical {
			c.CriticalNonCompliantCount++
		}
		if security {
			c.SecurityNonCompliantCount++
		}
		if !critical && !security {
			c.OtherNonCompliantCount++
		}
	}
	res.Counts = c
}
