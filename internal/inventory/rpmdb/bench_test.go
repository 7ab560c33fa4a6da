//go:build linux

package rpmdb

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
)

// BenchmarkRead reads databases from a folder: made ones of 400 and 2,000 small
// packages, and those of real systems, which have larger headers.
func BenchmarkRead(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
	}{{"400", 400}, {"2000", 2000}} {
		b.Run("made/"+c.name, func(b *testing.B) { measure(b, world(b, crowd(c.n)...).Dir) })
	}
	for _, system := range []string{"fedora35", "oraclelinux-9", "centos7-many", "centos8-modularitylabel", "sle15-bci"} {
		b.Run("real/"+system, func(b *testing.B) {
			dir := b.TempDir()
			for name, content := range databases(b)[system] {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
					b.Fatal(err)
				}
			}
			measure(b, dir)
		})
	}
}

func measure(b *testing.B, dir string) {
	b.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	db, err := Read(root)
	if err != nil {
		b.Fatal(err)
	}
	info, err := root.Stat(db.Path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	b.ReportMetric(float64(len(db.Packages)), "packages")
	before := cpu()
	defer func() { b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }()
	for b.Loop() {
		if _, err := Read(root); err != nil {
			b.Fatal(err)
		}
	}
}

// cpu is what the process has used: unlike the wall, it does not depend on who else
// is at work.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
