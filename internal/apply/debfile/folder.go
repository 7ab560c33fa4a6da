package debfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
)

// Changelog reads what the changelogs of package name in r say beyond what is
// installed: the later date with its urgency, and every CVE id. older reports whether
// a version is not newer than what is installed. ErrNoChangelog when there is none.
func Changelog(r io.Reader, name string, older func(version string) bool) (*baseline.Changelog, error) {
	texts, err := Changelogs(r, name)
	if err != nil {
		return nil, err
	}
	var all *baseline.Changelog
	var errs []error
	for _, text := range texts {
		log, err := ParseChangelog(text, older)
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
	slices.Sort(all.CVEs)
	all.CVEs = slices.Compact(all.CVEs)
	return all, nil
}

// bundled is the name of a package file in a bundle: its digest.
var bundled = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

// InFolder reads the changelogs of those offers whose files are in folder, such as a
// bundle or apt's own cache of archives: files named *.deb or by their SHA-256. A
// file counts for the offer whose SHA-256 it has, whatever it is called. installed
// gives the installed version by "name.arch". The result maps SHA-256 to changelog;
// an offer whose file is not there, or has no changelog, is missing from it, the
// latter with a remark.
func InFolder(ctx context.Context, folder fs.FS, system baseline.OperatingSystem, offers []baseline.AvailablePackage, installed map[string]string) (map[string]*baseline.Changelog, []string, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, nil, fmt.Errorf("read changelogs of a folder's packages: %w", err)
	}
	want := map[string]baseline.AvailablePackage{}
	for _, p := range offers {
		want[p.SHA256] = p
	}
	var mu sync.Mutex
	logs := map[string]*baseline.Changelog{}
	var remarks []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU()) // unpacking is what takes the time
	for _, e := range entries {
		if !e.Type().IsRegular() || path.Ext(e.Name()) != ".deb" && !bundled().MatchString(e.Name()) {
			continue
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			digest, err := digestOf(folder, e.Name())
			if err != nil {
				return fmt.Errorf("read changelogs of a folder's packages: %w", err)
			}
			p, ok := want[digest]
			if !ok {
				return nil
			}
			log, err := changelogOf(folder, e.Name(), system, p, installed[p.Name+"."+p.Arch])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				remarks = append(remarks, fmt.Sprintf("package %s %s: %v", p.Name, p.Version, err))
				return nil
			}
			logs[digest] = log
			return nil
		})
	}
	err = group.Wait()
	slices.SortFunc(remarks, strings.Compare)
	return logs, slices.Compact(remarks), err
}

func digestOf(folder fs.FS, name string) (string, error) {
	f, err := folder.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func changelogOf(folder fs.FS, name string, system baseline.OperatingSystem, p baseline.AvailablePackage, installed string) (*baseline.Changelog, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Changelog(f, p.Name, func(version string) bool {
		return installed != "" && baseline.CompareVersions(system, version, installed) <= 0
	})
}
