//go:build linux

package rpmdb

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// The tests below ask rpm itself; helpers that run tools stand here.

// tools ends the test unless every tool is there.
func tools(t testing.TB, names ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs rpm and its kin: left out by -short")
	}
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			testkit.Missing(t, "%v: `make tools` installs it", err)
		}
	}
}

func run(t testing.TB, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.Stdin = strings.NewReader(stdin)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

var spaces = regexp.MustCompile(` +`)

// asked is what rpm lists in a copy of the files, which it may write to.
func asked(t testing.TB, format Format, content map[string][]byte) []string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	backend := map[Format]string{SQLite: "sqlite", BDB: "bdb_ro"}[format]
	out := run(t, "", "rpm", "--dbpath", dir, "--define", "_db_backend "+backend, "--query", "--all", "--queryformat", query)
	var list []string
	for l := range strings.Lines(out) {
		l = spaces.ReplaceAllString(strings.TrimRight(l, "\n"), " ")
		l = strings.NewReplacer(" ;", ";", "|(none) (none) (none);", "|", "|(none);", "|").Replace(l)
		if !strings.HasPrefix(l, pubkey+"|") {
			list = append(list, l)
		}
	}
	slices.Sort(list)
	return list
}

// oddSpec has what is unlike between packages: epochs, tilde and caret, a long text
// that takes many overflow pages, relations of every kind, non-ASCII.
const oddSpec = `%%global debug_package %%{nil}
Name: odd
Version: 1.0~rc1^git7
Release: 1.el9
%s
Summary: odd values
License: none
Vendor: Brüder & Söhne <x@example.org>
ModularityLabel: odd:1.2:20250101:abc
Provides: odd(cap) = 2:1-1, odd(lt) < 3, odd(le) <= 3, odd(gt) > 3, odd(ge) >= 0:3, bare
Obsoletes: older <= 2, ancient, nine > 1
%%description
%s
%%files
%%package -n noarch-part
Summary: part
BuildArch: noarch
%%description -n noarch-part
%%files -n noarch-part
`

// odd builds the odd packages; epoch is a line of the spec file or nothing.
func odd(t testing.TB, epoch string, words int, target string) []string {
	t.Helper()
	top := t.TempDir()
	spec := filepath.Join(top, "odd.spec")
	var text strings.Builder
	for i := range words {
		fmt.Fprintf(&text, "word %d ", i%10)
	}
	if err := os.WriteFile(spec, fmt.Appendf(nil, oddSpec, epoch, text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "", "rpmbuild", "-bb", "--quiet", "--target", target, "--define", "_topdir "+top, "--define", "_rpmdir "+top, "--define", "_dbpath "+top+"/db",
		"--define", "_rpmfilename %%{NAME}.%%{ARCH}.rpm", "--define", "_buildhost test", spec)
	found, err := filepath.Glob(filepath.Join(top, "*.rpm"))
	if err != nil || len(found) == 0 {
		t.Fatalf("rpmbuild made nothing: %v", err)
	}
	return found
}

// world is a root with the odd packages and those named.
func world(t testing.TB, packages ...rpmworld.Package) *rpmworld.Root {
	t.Helper()
	tools(t, "rpm", "rpmbuild", "sqlite3")
	r := rpmworld.Build(t, rpmworld.World{Installed: packages})
	install := []string{"--root", r.Dir, "--install", "--nodeps", "--noscripts", "--force", "--nosignature", "--ignorearch"}
	r.RPM(t, append(install, odd(t, "Epoch: 3", 20000, "x86_64")...)...)
	r.RPM(t, append(install, odd(t, "", 10, "i686")...)...)
	return r
}

// crowd is what a system has: many packages, kernels side by side, two architectures.
func crowd(n int) []rpmworld.Package {
	list := rpmworld.Packages("rpm-4.18-1.x86_64", "glibc-2.34-1.x86_64", "glibc-2.34-1.i686", "openssl-1:3.0.8-1.x86_64", "tzdata-2025a-1.noarch")
	for _, v := range []string{"6.1.9", "6.1.10", "6.1.11"} {
		list = append(list, rpmworld.Package{Name: "kernel-core", Version: v, Provides: []string{"installonlypkg(kernel)"}})
	}
	for i := range n {
		list = append(list, rpmworld.Package{Name: fmt.Sprintf("part%04d", i), Version: fmt.Sprintf("%d.%d", i%7, i), Epoch: i % 3,
			Provides: []string{fmt.Sprintf("virtual(%d)", i)}})
	}
	return list
}

// stored are the database's files, by the names a root has them under.
func stored(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, n := range []string{"rpmdb.sqlite", "rpmdb.sqlite-wal", "rpmdb.sqlite-journal"} {
		b, err := os.ReadFile(filepath.Join(dir, n))
		if err == nil {
			out["var/lib/rpm/"+n] = b
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return out
}

// blobs are the headers of an sqlite database, by sqlite3 and not by us.
func blobs(t testing.TB, file string) [][]byte {
	t.Helper()
	var out [][]byte
	for l := range strings.Lines(run(t, "", "sqlite3", file, "SELECT hex(blob) FROM Packages ORDER BY hnum")) {
		b, err := hex.DecodeString(strings.TrimSpace(l))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// asBDB makes a Berkeley DB hash of headers.
func asBDB(t testing.TB, blobs [][]byte, pageSize int, order binary.ByteOrder) []byte {
	t.Helper()
	lorder := "1234"
	if order == binary.BigEndian {
		lorder = "4321"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "VERSION=3\nformat=bytevalue\ntype=hash\ndb_lorder=%s\ndb_pagesize=%d\nHEADER=END\n", lorder, pageSize)
	pair := func(key uint32, value []byte) {
		k := make([]byte, 4)
		order.PutUint32(k, key)
		fmt.Fprintf(&b, " %x\n %x\n", k, value)
	}
	last := make([]byte, 4)
	order.PutUint32(last, uint32(len(blobs)))
	pair(0, last)
	for i, blob := range blobs {
		pair(uint32(i+1), blob)
	}
	b.WriteString("DATA=END\n")
	file := filepath.Join(t.TempDir(), "Packages")
	run(t, b.String(), "db5.3_load", file)
	out, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
