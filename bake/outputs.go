package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// outputs are what an attempt brought back, checked against one another.
type outputs struct {
	report       *record.NodeReport
	lock         *baseline.Lock
	reportDigest string
	bundleDigest string // empty: no bundle
}

// readOutputs reads and checks report, lock and bundle of an attempt. bundle says
// that the package files must be there.
func readOutputs(folder string, bundle bool) (*outputs, error) {
	b, err := os.ReadFile(filepath.Join(folder, reportFile))
	if err != nil {
		return nil, fmt.Errorf("read the node report: %w", err)
	}
	o := &outputs{report: new(record.NodeReport), lock: new(baseline.Lock), reportDigest: digest(b)}
	if err := readJSON(filepath.Join(folder, reportFile), o.report); err != nil {
		return nil, err
	}
	switch {
	case o.report.Schema != record.NodeSchema:
		return nil, fmt.Errorf("read the node report: schema %d, want %d", o.report.Schema, record.NodeSchema)
	case o.report.Error != "":
		return nil, fmt.Errorf("the node reports: %s", o.report.Error)
	case o.report.Skipped:
		return o, nil
	}
	if err := readJSON(filepath.Join(folder, lockOutFile), o.lock); err != nil {
		return nil, fmt.Errorf("read the lock: %w", err)
	}
	if got := o.lock.Digest(); got != o.report.LockDigest || o.report.Lock == nil || got != o.report.Lock.Digest() {
		return nil, fmt.Errorf("the lock that came back has the digest %s, the report says %s", got, o.report.LockDigest)
	}
	if bundle {
		o.bundleDigest, err = checkBundle(filepath.Join(folder, bundleFolder), o.lock)
	}
	return o, err
}

// checkBundle compares each package file with the lock and returns the digest of
// the sorted list of their digests.
func checkBundle(folder string, l *baseline.Lock) (string, error) {
	var list []string
	for _, p := range l.Packages {
		f, err := os.Open(filepath.Join(folder, filepath.Base(p.SHA256)))
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("the bundle lacks %s %s (%s)", p.Name, p.Version, p.SHA256)
		}
		if err != nil {
			return "", err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
			return "", fmt.Errorf("the bundle's file of %s %s has the SHA-256 %s, the lock says %s", p.Name, p.Version, got, p.SHA256)
		}
		list = append(list, p.SHA256)
	}
	slices.Sort(list)
	return digest([]byte(strings.Join(slices.Compact(list), "\n"))), nil
}

// bake is the record of a finished bake.
func (r run) bake(s *State, o *outputs, image Image) *record.Bake {
	in := r.plan.Request
	local := func(name string) string {
		path, err := filepath.Rel(in.Folder, filepath.Join(r.folder(s), name))
		if err != nil {
			return ""
		}
		return filepath.ToSlash(path)
	}
	b := &record.Bake{
		Image: image.ID, ImageName: image.Name, SourceImage: r.plan.Source.ID, Arch: image.Arch,
		Builder: s.Builder, InputDigest: r.plan.InputDigest,
		LockDigest: o.lock.Digest(), LockIdentity: o.lock.Identity(),
		ReportDigest: o.reportDigest, BundleDigest: o.bundleDigest,
		Files:   record.Files{Lock: local(lockOutFile), Report: local(reportFile)},
		Changes: o.report.Changes, Marker: s.Marker, CreatedAt: image.CreatedAt, Left: s.Left,
	}
	if len(image.Snapshots) > 0 {
		b.Snapshot = image.Snapshots[0]
	}
	if o.bundleDigest != "" {
		b.Files.Bundle = local(bundleFolder)
	}
	if _, err := os.Stat(filepath.Join(r.folder(s), logFile)); err == nil {
		b.Files.Log = local(logFile)
	}
	if e := o.report.Evaluation; e != nil {
		b.Compliance, b.Counts = e.Status, e.Counts
	}
	return b
}
