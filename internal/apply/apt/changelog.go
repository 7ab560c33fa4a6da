package apt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply/debfile"
)

// Changelogs downloads the packages of offers and reads their changelogs: the only
// place where Debian states date, urgency and CVE ids of a version. installed gives
// the installed version by "name.arch". The result maps SHA-256 to changelog; a
// package without one is missing from it and named in the remarks. Files are kept
// for Obtain.
func (a *APT) Changelogs(ctx context.Context, system baseline.OperatingSystem, offers []baseline.AvailablePackage, installed map[string]string) (map[string]*baseline.Changelog, []string, error) {
	var want []baseline.LockedPackage
	for _, p := range offers {
		if a.files.Have(p.SHA256) == "" {
			want = append(want, baseline.LockedPackage{Package: p.Package, SHA256: p.SHA256})
		}
	}
	if err := a.download(ctx, want); err != nil {
		return nil, nil, fmt.Errorf("download packages to read their changelogs: %w", err)
	}
	found := make([]*baseline.Changelog, len(offers))
	failed := make([]error, len(offers))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU()) // unpacking is what takes the time
	for i, p := range offers {
		file := a.files.Have(p.SHA256)
		if file == "" {
			return nil, nil, fmt.Errorf("download package %s %s to read its changelog: what apt delivered is not what the index states", p.Name, p.Version)
		}
		group.Go(func() error {
			found[i], failed[i] = readChangelog(system, file, p, installed[p.Name+"."+p.Arch])
			return nil // a package without a changelog is a remark, not a failure
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	logs := map[string]*baseline.Changelog{}
	var remarks []string
	for i, p := range offers {
		if failed[i] != nil {
			remarks = append(remarks, fmt.Sprintf("package %s %s: %v", p.Name, p.Version, failed[i]))
			continue
		}
		logs[p.SHA256] = found[i]
	}
	return logs, remarks, nil
}

// readChangelog joins a package's changelogs: the later date, every CVE.
func readChangelog(system baseline.OperatingSystem, file string, p baseline.AvailablePackage, installed string) (*baseline.Changelog, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	texts, err := debfile.Changelogs(f, p.Name)
	if err != nil {
		return nil, err
	}
	older := func(version string) bool {
		return installed != "" && baseline.CompareVersions(system, version, installed) <= 0
	}
	var all *baseline.Changelog
	var errs []error
	for _, text := range texts {
		log, err := debfile.ParseChangelog(text, older)
		switch {
		case err != nil:
			errs = append(errs, err)
		case all == nil:
			all = log
		default:
			if log.Date.After(all.Date) {
				all.Date, all.Urgency = log.Date, log.Urgency
			}
			all.CVEs = append(all.CVEs, log.CVEs...)
		}
	}
	if all == nil {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(all.CVEs, strings.Compare)
	all.CVEs = slices.Compact(all.CVEs)
	return all, nil
}
