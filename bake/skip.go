package bake

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// judgeSkip fills Skip, Reason, SkipIdentity and Current. It skips only on proof:
// whatever is not known means that a bake must find out.
func (s *Stage) judgeSkip(ctx context.Context, p *Plan, b *baseline.Baseline) error {
	last := p.Request.Last
	no := func(format string, args ...any) error {
		p.Reason = fmt.Sprintf(format, args...)
		return nil
	}
	switch {
	case p.Request.Force:
		return no("a bake was asked for in any case")
	case last == nil || last.Bake.Image == "":
		return no("no earlier bake of %s is known", p.Request.Line)
	case last.Bake.SourceImage != p.Source.ID:
		return no("the source image is %s, the last bake's was %s", p.Source.ID, last.Bake.SourceImage)
	case last.Bake.InputDigest != p.InputDigest:
		return no("baseline, options or template are not those of the last bake")
	}
	found, err := s.Images.Find(ctx, ImageFilter{ID: last.Bake.Image})
	if err != nil {
		return fmt.Errorf("look at the image of the last bake, %s: %w", last.Bake.Image, err)
	}
	if len(found) == 0 || !Complete(found[0]) {
		return no("the image of the last bake, %s, is gone or unfinished", last.Bake.Image)
	}
	current := last.Bake
	p.Current = &current
	p.SkipIdentity = last.Bake.LockIdentity
	switch {
	case last.Bake.LockIdentity == "":
		return no("the last bake has no lock identity")
	case last.Report == nil || last.Report.Before == nil || last.Report.Lock == nil:
		return no("the evidence of the last bake is not at hand")
	case len(last.Report.Before.Available.Repositories) == 0:
		return no("the last bake did not record its repositories")
	}
	if p.Request.Lock == nil {
		if changed := s.changed(ctx, last.Report.Before.Available.Repositories); changed != "" {
			return no("%s", changed)
		}
	}
	lock, err := relock(b, p.Request, last)
	if err != nil {
		return no("the evidence of the last bake cannot be evaluated again: %v", err)
	}
	if got := lock.Identity(); got != last.Bake.LockIdentity {
		return no("on the same repositories, the baseline now approves other packages")
	}
	p.Skip = true
	return no("source image, baseline and %d repositories are unchanged, and the lock would be identical (%s)",
		len(last.Report.Before.Available.Repositories), last.Bake.LockIdentity)
}

// changed says which repository is not known to be as it was; empty: none. A
// repository that does not answer here may still answer on the instance.
func (s *Stage) changed(ctx context.Context, repos []baseline.Repository) string {
	for _, r := range repos {
		name := r.ID
		if name == "" {
			name = r.URL + " " + r.Suite
		}
		if r.IndexSHA256 == "" {
			return fmt.Sprintf("the last bake did not record the state of repository %s", name)
		}
		now, err := s.Indexes.Digest(ctx, r)
		switch {
		case fault.KindOf(err) == fault.Interrupted:
			return err.Error()
		case err != nil:
			return fmt.Sprintf("repository %s cannot be read from here: %v", name, err)
		case now != r.IndexSHA256:
			return fmt.Sprintf("repository %s has changed", name)
		}
	}
	return ""
}

// relock makes the lock again from the last bake's evidence, now.
func relock(b *baseline.Baseline, in Request, last *Last) (*baseline.Lock, error) {
	if in.Lock != nil {
		return in.Lock, nil
	}
	n := *last.Report.Before
	n.Available.Packages = slices.Clone(n.Available.Packages)
	for i := range n.Available.Packages {
		p := &n.Available.Packages[i]
		if seen, ok := in.FirstSeen[p.Name+"="+baseline.FullVersion(n.Inventory.OS, p.Package)]; ok {
			p.FirstSeen = seen
		}
	}
	return baseline.MakeLock(b, n, in.Now, in.Options, dependencies(last.Report.Lock, n.Available)...)
}

// dependencies are the packages that the package manager's solver had added to the
// last lock. They stand as long as the packages do that needed them; if those
// change, the identity changes with them.
func dependencies(l *baseline.Lock, a baseline.Available) []baseline.AvailablePackage {
	byFile := map[string]baseline.AvailablePackage{}
	for _, p := range a.Packages {
		byFile[p.SHA256] = p
	}
	var out []baseline.AvailablePackage
	for _, p := range l.Packages {
		if p.Rule != "dependency" {
			continue
		}
		dep, ok := byFile[p.SHA256]
		if !ok {
			dep = baseline.AvailablePackage{Package: p.Package, Repository: p.Repository, Filename: p.Filename, Size: p.Size, SHA256: p.SHA256}
		}
		out = append(out, dep)
	}
	return out
}
