package validate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/inventory/changes"
	"github.com/goldenami/rehydrate/internal/record"
)

// checks are the gate's checks in order. Each answers one question of the disk. The
// ones that prove what the image is cannot be switched off.
var checks = []struct {
	name     string
	optional bool
	ask      func(in Input, d *disk, v *record.Verdict) record.Check
}{
	{"marker", false, checkMarker},
	{"lock", false, checkLock},
	{"baseline", false, checkBaseline},
	{"changes", true, checkChanges},
	{"hygiene", true, checkHygiene},
}

func (g *Gate) check(in Input, d *disk, v *record.Verdict) {
	for _, c := range checks {
		if c.optional && slices.Contains(in.SkipCheck, c.name) {
			v.Checks = append(v.Checks, record.Check{Name: c.name, Outcome: "skipped", Text: "switched off in the configuration"})
			continue
		}
		a := c.ask(in, d, v)
		a.Name = c.name
		v.Checks = append(v.Checks, a)
		if a.Outcome != record.Pass {
			g.emit(event.Warned, "%s: %s: %s", a.Name, a.Outcome, a.Text)
		}
	}
}

// conclude folds the checks: one fail is a fail, else one unknown is unknown.
func conclude(v *record.Verdict) {
	v.Outcome = record.Pass
	for _, c := range v.Checks {
		switch c.Outcome {
		case record.Fail:
			v.Outcome = record.Fail
		case record.Pass, "skipped":
			continue
		default:
			if v.Outcome == record.Pass {
				v.Outcome = record.Unknown
			}
		}
		v.Reasons = append(v.Reasons, c.Name+": "+c.Text)
	}
}

func pass(format string, args ...any) record.Check {
	return record.Check{Outcome: record.Pass, Text: fmt.Sprintf(format, args...)}
}

func fail(format string, args ...any) record.Check {
	return record.Check{Outcome: record.Fail, Text: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) record.Check {
	return record.Check{Outcome: record.Unknown, Text: fmt.Sprintf(format, args...)}
}

// checkMarker proves that this disk is the one that the bake patched.
func checkMarker(in Input, d *disk, _ *record.Verdict) record.Check {
	switch {
	case in.Marker == "" && strings.HasPrefix(in.Builder, "packer"):
		return unknown("the bake by Packer plants a marker, and its record has none")
	case in.Marker == "":
		return pass("none was planted (Run Command bake)")
	case d.marker == in.Marker:
		return pass("found %s in the snapshot", d.marker)
	case d.marker == "":
		return fail("the snapshot does not hold the marker that the bake planted")
	}
	return fail("the snapshot holds %s, the bake planted %s: this is another bake's disk", d.marker, in.Marker)
}

func checkLock(in Input, d *disk, v *record.Verdict) record.Check {
	if in.Lock == nil {
		return unknown("there is no lock to judge by")
	}
	v.Findings = in.Lock.Judge(d.inventory)
	var wrong []string
	for _, f := range v.Findings {
		if f.Standing != "exact" {
			wrong = append(wrong, fmt.Sprintf("%s %s (installed: %s)", f.Name, f.Standing, or(f.Installed, "none")))
		}
	}
	if len(wrong) > 0 {
		return fail("%d of %d locked packages differ: %s", len(wrong), len(v.Findings), strings.Join(wrong, ", "))
	}
	return pass("all %d locked packages are installed exactly", len(v.Findings))
}

// checkBaseline evaluates the disk's own inventory against what the repositories
// offered at the time of the lock.
func checkBaseline(in Input, d *disk, v *record.Verdict) record.Check {
	if in.Evidence == nil || in.Baseline == nil || in.Lock == nil {
		return unknown("the evidence of the bake is missing")
	}
	node := baseline.Node{Inventory: d.inventory, Available: in.Evidence.Available}
	r, err := baseline.Evaluate(in.Baseline, node, in.Lock.EvaluatedAt, in.Options)
	if err != nil {
		return unknown("evaluate: %s", err)
	}
	v.Evaluation = r
	if r.Status != baseline.Compliant {
		var bad []string
		for _, i := range r.Items {
			if i.State != baseline.StateInstalled && i.State != baseline.StateInstalledOther {
				bad = append(bad, fmt.Sprintf("%s %s", i.State, i.ID))
			}
		}
		return fail("%s by %s: %s", r.Status, in.Baseline.Name, strings.Join(bad, ", "))
	}
	return pass("%s by %s: %d installed, %d other", r.Status, in.Baseline.Name, r.Counts.InstalledCount, r.Counts.InstalledOtherCount)
}

// checkChanges compares the disk with the evidence: the lock, and whatever further
// provisioners of the user's own did, which is said and not judged.
func checkChanges(in Input, d *disk, _ *record.Verdict) record.Check {
	if in.Evidence == nil || in.Lock == nil {
		return unknown("the evidence of the bake is missing")
	}
	locked := map[string]string{}
	for _, p := range in.Lock.Packages {
		locked[p.Name+"."+p.Arch] = baseline.FullVersion(in.Lock.OS, p.Package)
	}
	var further []string
	n := 0
	for _, c := range changes.Packages(in.Evidence.Inventory, d.inventory) {
		if to, ok := locked[c.Name+"."+c.Arch]; ok && to == c.To {
			n++
			continue
		}
		further = append(further, fmt.Sprintf("%s %s → %s", c.Name, or(c.From, "none"), or(c.To, "none")))
	}
	if len(further) > 0 {
		return pass("%d changes by the lock; further ones: %s", n, strings.Join(further, ", "))
	}
	return pass("%d changes, all by the lock", n)
}

// checkHygiene looks for what a bake must not leave on an image.
func checkHygiene(_ Input, d *disk, _ *record.Verdict) record.Check {
	var left []string
	homes := []string{"root"}
	if users, err := fs.ReadDir(d.root, "home"); err == nil {
		for _, u := range users {
			homes = append(homes, path.Join("home", u.Name()))
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return unknown("list home folders: %s", err)
	}
	for _, h := range homes {
		b, err := fs.ReadFile(d.root, path.Join(h, ".ssh/authorized_keys"))
		switch {
		case err == nil && bytes.Contains(b, []byte("packer")):
			left = append(left, "a temporary key of Packer in "+h+"/.ssh/authorized_keys")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return unknown("read the keys of %s: %s", h, err)
		}
	}
	for dir, prefix := range map[string]string{"tmp": "rehydrate-", "var/tmp": "rehydrate-", "etc/ssh": "ssh_host_"} {
		entries, err := fs.ReadDir(d.root, dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unknown("list %s: %s", dir, err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), prefix) && !strings.HasSuffix(e.Name(), ".pub") {
				left = append(left, "/"+dir+"/"+e.Name())
			}
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		return fail("left on the image: %s", strings.Join(left, ", "))
	}
	return pass("no build keys, host keys or work folders on the image")
}

// compare says what changed against the image in use. That image may be anybody's
// and unreadable: then the comparison is missing, which is said, not judged. It fails
// only when the work was called off.
func (g *Gate) compare(ctx context.Context, in Input, d *disk, v *record.Verdict) error {
	if in.InUse == "" || in.InUse == in.Image {
		v.Against = ""
		return nil
	}
	snap, err := g.Images.RootSnapshot(ctx, in.InUse)
	var before *disk
	if err == nil {
		var cost record.ReadCost
		before, err = g.read(ctx, snap, &cost)
	}
	if stop := calledOff(ctx, err); stop != nil {
		return fmt.Errorf("compare with %s, the image in use: %w", in.InUse, stop)
	}
	if err != nil {
		g.emit(event.Warned, "cannot compare with %s, the image in use: %s", in.InUse, err)
		v.Against = ""
		v.Checks = append(v.Checks, record.Check{Name: "compare", Outcome: "skipped",
			Text: fmt.Sprintf("%s, the image in use, could not be read: %s", in.InUse, err)})
		return nil
	}
	v.Changes = changes.Packages(before.inventory, d.inventory)
	for _, c := range v.Changes {
		g.emit(event.Found, "%s %s → %s", c.Name, or(c.From, "new"), or(c.To, "removed"))
	}
	return nil
}

// calledOff is err, or the context's own error, if the work was interrupted or ran
// out of time; nil for a failure of any other sort.
func calledOff(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return ctx.Err()
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
