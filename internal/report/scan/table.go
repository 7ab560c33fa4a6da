package scan

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Table writes the scan for a terminal.
func Table(out io.Writer, s *record.Scan) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(format string, cells ...any) {
		for i, c := range cells {
			if text, ok := c.(string); ok {
				cells[i] = plain(text)
			}
		}
		fmt.Fprintf(w, format+"\n", cells...)
	}
	line("%s\t%s\t%s\t%d packages\t%s", s.Target, strings.TrimSpace(s.Kind+" "+s.Format), or(s.Inventory.Product, "-"), len(s.Inventory.Installed), s.Standing)
	for _, m := range s.Modelled {
		line("modelled: %s", m)
	}
	if s.Reason != "" {
		line("unknown: %s", s.Reason)
	}
	if s.Hint != "" {
		line("  next: %s", s.Hint)
	}
	if s.Inventory.Product != "" && !inventoryOnly(s) && (s.UpdatesKnown || s.UpdatesReason != s.Reason) {
		line("%s", pending(s))
	}
	for _, section := range []func(func(string, ...any), *record.Scan){tablePackages, tableUpdates, tableFixes, tableBaseline, tableLock, tableSources, tableFacts} {
		if err := w.Flush(); err != nil { // each section has columns of its own
			return err
		}
		section(line, s)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range s.Remarks {
		line("note: %s", r)
	}
	for _, c := range costs(s) {
		line("%s", c)
	}
	return w.Flush()
}

// tablePackages lists the packages where there is nothing else to list.
func tablePackages(line func(string, ...any), s *record.Scan) {
	if s.Standing != record.StandsInventory || s.UpdatesKnown {
		return
	}
	for _, p := range s.Inventory.Installed {
		line("%s\t%s\t%s", p.Name, p.Arch, baseline.FullVersion(s.Inventory.OS, p.Package))
	}
}

func tableUpdates(line func(string, ...any), s *record.Scan) {
	if len(s.Updates) > 0 {
		line("package\tarch\tinstalled\toffered\tfrom\tabout\tadvisories")
	}
	for _, u := range s.Updates {
		line("%s\t%s\t%s\t%s\t%s\t%s\t%s", u.Name, u.Arch, u.Installed, u.Version, or(u.Origin, u.Source), notes(u), advisories(u))
	}
}

func tableFixes(line func(string, ...any), s *record.Scan) {
	if unstated(s) {
		line("%s", unstatedText)
	}
	begun := false
	for _, u := range s.Updates {
		if len(u.CVEs) == 0 {
			continue
		}
		if !begun {
			line("%s:", fixes)
			begun = true
		}
		line("  %s\t%s", u.Name, strings.Join(u.CVEs, " "))
	}
}

func tableBaseline(line func(string, ...any), s *record.Scan) {
	if s.Baseline != nil && s.Evaluation != nil {
		c := s.Evaluation.Counts
		line("baseline %s: %s, %d missing, %d failed, %d rejected, %d pending a reboot", s.Baseline.Name, s.Evaluation.Status, c.MissingCount, c.FailedCount, c.InstalledRejectedCount, c.InstalledPendingRebootCount)
	}
	for _, i := range open(s) {
		line("%s\t%s\t%s\t%s\t%s\t%s", string(i.State), i.ID, i.Installed, i.Version, i.Rule, i.Reason)
	}
	if s.Evaluation != nil {
		for _, n := range s.Evaluation.Notes {
			line("note: %s", n)
		}
	}
}

func tableLock(line func(string, ...any), s *record.Scan) {
	if s.Lock != nil {
		line("lock of %s: %d packages, %d not as it says", or(s.Lock.Name, s.Lock.Digest), len(s.Findings), len(broken(s)))
	}
	for _, f := range broken(s) {
		line("lock: %s\t%s\t%s\twants %s", f.Standing, f.Name, or(f.Installed, "-"), baseline.FullVersion(s.Inventory.OS, f.Package))
	}
}

func tableSources(line func(string, ...any), s *record.Scan) {
	for _, r := range s.Sources {
		text := age(r.Date, s.ScannedAt)
		if expired(r, s.ScannedAt) {
			text += ", no longer valid"
		}
		from := ""
		if r.SeenFrom != "" {
			from = "read from " + r.SeenFrom
		}
		line("source: %s\t%s\t%s\t%s", r.ID, text, verified(r), from)
	}
}

func tableFacts(line func(string, ...any), s *record.Scan) {
	f := s.Facts
	if f == nil {
		return
	}
	line("files: %d in %d folders, %s; %d users, %d groups, %d setuid or setgid files, %d services set up", f.Total.Files, f.Total.Folders, size(f.Total.Bytes), len(f.Users), len(f.Groups), len(f.SetID), len(f.Services))
	for _, k := range f.Kernels {
		line("kernel: %s", k.Version)
	}
	for _, x := range f.SetID {
		line("setuid: %s\t%s\tuid %d gid %d", x.Mode, x.Path, int(x.UID), int(x.GID))
	}
	for _, a := range f.Altered {
		line("altered: %s\t%s\t%s", a.How, a.Path, a.Package)
	}
	if f.Depth == record.DepthDigest {
		line("digests: %d files, %d compared with their packages, %d altered", len(f.Digests), f.Vouched, len(f.Altered))
	}
	for _, u := range f.Unread {
		line("note: not known: %s", u)
	}
}
