package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// entry is one version of a package, and its changelog's entry.
type entry struct {
	version string
	date    time.Time
	urgency string
	text    string
}

// software is a package with its history, oldest first.
type software struct {
	name, arch, priority, about string
	history                     []entry
}

// catalogue is what the demo is about: demo-tool is approved, demo-agent is
// rejected by the demo's baseline, demo-extra is delayed because its changelog is
// two days old.
func catalogue(arch string, now time.Time) (tool, agent, extra software) {
	day := 24 * time.Hour
	recent := now.Truncate(time.Second).Add(-2 * day)
	tool = software{"demo-tool", arch, "optional", "approved by the demo's baseline", []entry{
		{"1.1", settled.Add(-90 * day), "medium", "First version."},
		{"1.2", settled, "high", "Fix a buffer overflow (CVE-2026-10001).\n  * Fix a race in the parser (CVE-2026-10002)."},
		{"1.3", settled.Add(10 * day), "medium", "Fix a leak (CVE-2026-10003)."},
	}}
	agent = software{"demo-agent", arch, "optional", "rejected by the demo's baseline", []entry{
		{"1.0", settled.Add(-90 * day), "medium", "First version."},
		{"1.1", settled.Add(-2 * day), "medium", "Talk to the new server."},
	}}
	extra = software{"demo-extra", "all", "extra", "delayed by the demo's baseline", []entry{
		{"1.0", settled.Add(-90 * day), "low", "First version."},
		{"1.1", recent, "low", "A change that is two days old."},
	}}
	return tool, agent, extra
}

// states builds every package file and both states of the archive.
func (b *builder) states(now time.Time) error {
	tool, agent, extra := catalogue(b.arch, now)
	for _, to := range []struct {
		dir      string
		software software
		version  string
	}{
		{"installed", tool, "1.1"}, {"installed", agent, "1.0"}, {"installed", extra, "1.0"},
		{"state-1/pool/main", tool, "1.2"}, {"state-1/pool/main", agent, "1.1"}, {"state-1/pool/main", extra, "1.1"},
		{"state-2/pool/main", tool, "1.3"}, {"state-2/pool/main", agent, "1.1"}, {"state-2/pool/main", extra, "1.1"},
	} {
		if err := b.pack(to.dir, to.software, to.version); err != nil {
			return err
		}
	}
	for _, state := range []string{"state-1", "state-2"} {
		if err := b.index(filepath.Join(b.work, state), now); err != nil {
			return err
		}
	}
	return nil
}

// pack builds one package file with dpkg-deb.
func (b *builder) pack(dir string, s software, version string) error {
	root, err := os.MkdirTemp(b.work, "root-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	if err := os.Chmod(root, 0o755); err != nil {
		return err
	}
	var log bytes.Buffer
	made := settled
	for i := len(s.history) - 1; i >= 0; i-- {
		e := s.history[i]
		if log.Len() == 0 && e.version != version {
			continue
		}
		if log.Len() == 0 {
			made = e.date
		}
		fmt.Fprintf(&log, "%s (%s) demo; urgency=%s\n\n  * %s\n\n -- Rehydrate Demo <demo@example.invalid>  %s\n\n",
			s.name, e.version, e.urgency, e.text, e.date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is a valid one
	if _, err := z.Write(log.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Rehydrate Demo <demo@example.invalid>\nPriority: %s\nSection: misc\nDescription: %s\n A package of the demo's own archive.\n",
		s.name, version, s.arch, s.priority, s.about)
	for _, f := range []struct {
		name string
		mode os.FileMode
		text []byte
	}{
		{"DEBIAN/control", 0o644, []byte(control)},
		{"usr/bin/" + s.name, 0o755, fmt.Appendf(nil, "#!/bin/sh\necho %s %s\n", s.name, version)},
		{"usr/share/doc/" + s.name + "/changelog.gz", 0o644, packed.Bytes()},
	} {
		name := filepath.Join(root, f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.text, f.mode); err != nil {
			return err
		}
	}
	target := filepath.Join(b.work, dir)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	_, err = run("", []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(made.Unix(), 10)},
		"dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, filepath.Join(target, fmt.Sprintf("%s_%s_%s.deb", s.name, version, s.arch)))
	return err
}
