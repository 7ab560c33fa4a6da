package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// The places that a package file can come from, in the order in which they are
// tried. Nothing else is substituted.
const (
	FromSource     = "source"
	FromTimeTravel = "time-travel"
	FromBundle     = "bundle"
)

// Fetch brings files of lacking into the Files. What it cannot bring it leaves
// out; the error says why, and the next place is tried.
type Fetch func(ctx context.Context, o Order, lacking []baseline.LockedPackage) error

// Obtain brings the files of o into f: from the configured source while it offers
// the very contents of the lock, then from the repository as it was, then from the
// bundle. A file that is nowhere is GateSaysNo with the package named.
func Obtain(ctx context.Context, f *Files, o Order, source, timeTravel Fetch) ([]record.Obtained, error) {
	from := map[string]string{} // SHA-256 → place
	var tried []error
	for _, place := range []struct {
		name  string
		fetch Fetch
	}{
		{FromSource, func(ctx context.Context, o Order, lacking []baseline.LockedPackage) error {
			return source(ctx, o, slices.DeleteFunc(lacking, func(p baseline.LockedPackage) bool { return !o.Offered(p) }))
		}},
		{FromTimeTravel, timeTravel},
		{FromBundle, f.fetchBundle},
	} {
		var lacking []baseline.LockedPackage
		for _, p := range o.Packages {
			if f.have[p.SHA256] == "" {
				lacking = append(lacking, p)
			}
		}
		if len(lacking) > 0 {
			if err := place.fetch(ctx, o, lacking); err != nil {
				tried = append(tried, fmt.Errorf("%s: %w", place.name, err))
			}
		}
		for _, p := range o.Packages {
			if f.have[p.SHA256] != "" && from[p.SHA256] == "" {
				from[p.SHA256] = place.name
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("obtain packages: %w", err)
	}
	var obtained []record.Obtained
	for _, p := range o.Packages {
		if from[p.SHA256] == "" {
			return nil, fault.As(nowhere(p, o, tried), fault.GateSaysNo,
				"make a new lock, or keep the bundle that was made with this one")
		}
		obtained = append(obtained, record.Obtained{Name: p.Name, Version: Version(p.Package), From: from[p.SHA256], SHA256: p.SHA256})
		if o.Keep && o.Bundle != "" {
			if err := Place(f.have[p.SHA256], filepath.Join(o.Bundle, p.SHA256)); err != nil {
				return nil, fmt.Errorf("keep %s in the bundle: %w", p.Name, err)
			}
		}
	}
	return obtained, nil
}

// nowhere says on one line why a file could not be had, place by place.
func nowhere(p baseline.LockedPackage, o Order, tried []error) error {
	why, bundle := "no source offers it any more", "it is in no bundle"
	if o.Offered(p) {
		why = "the source that offers it did not deliver what the index promises"
	}
	if o.Bundle != "" {
		bundle = fmt.Sprintf("bundle %s does not hold it", o.Bundle)
	}
	err := fmt.Errorf("obtain package %s %s (%s): %s and %s", p.Name, Version(p.Package), p.Arch, why, bundle)
	for _, t := range tried {
		err = fmt.Errorf("%w; %w", err, t)
	}
	return err
}

// Offered says that a configured source offers the very contents of the lock.
func (o Order) Offered(p baseline.LockedPackage) bool {
	return slices.ContainsFunc(o.Offers.Packages, func(a baseline.AvailablePackage) bool {
		return a.SHA256 == p.SHA256 && Same(a.Package, p.Package)
	})
}

// fetchBundle takes files out of the bundle. A file whose contents are not what its
// name says is refused, not skipped: somebody changed it.
func (f *Files) fetchBundle(_ context.Context, o Order, lacking []baseline.LockedPackage) error {
	if o.Bundle == "" {
		return nil
	}
	dir, err := f.Dir("download")
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range lacking {
		kept := filepath.Join(o.Bundle, p.SHA256)
		if _, err := os.Stat(kept); errors.Is(err, os.ErrNotExist) {
			continue
		}
		// Taken into the working folder first and digested there: nobody else writes to it.
		mine := filepath.Join(dir, p.SHA256)
		if err := Place(kept, mine); err != nil {
			errs = append(errs, err)
			continue
		}
		found, err := Digest(mine)
		if err == nil && found != p.SHA256 {
			err = fmt.Errorf("file %s of package %s holds other contents: SHA-256 %s", kept, p.Name, found)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.have[p.SHA256] = mine
	}
	return errors.Join(errs...)
}

// Wanted is the set of packages' SHA-256, for Take.
func Wanted(packages []baseline.LockedPackage) map[string]bool {
	wanted := map[string]bool{}
	for _, p := range packages {
		wanted[p.SHA256] = true
	}
	return wanted
}
