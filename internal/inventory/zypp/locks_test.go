package zypp

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/baseline"
)

var some = baseline.Installed{Package: baseline.Package{Name: "Some-tool", Arch: "x86_64", Epoch: "1", Version: "2.0", Release: "3"}}

func TestLocksHoldWhatTheyAreAbout(t *testing.T) {
	for text, want := range map[string]bool{
		"solvable_name: some":                                            true, // a substring, whatever its case
		"solvable_name: some\ncase_sensitive: on":                        false,
		"solvable_name: Some\ncase_sensitive: true":                      true,
		"solvable_name: some\nmatch_type: exact":                         false,
		"solvable_name: some-TOOL\nmatch_type: exact":                    true,
		"solvable_name: Some*\nmatch_type: glob":                         true,
		"solvable_name: *too?\nmatch_type: glob":                         true,
		"solvable_name: Some\nmatch_type: glob":                          false,
		"solvable_name: S[!a-m]me*\nmatch_type: glob":                    true,
		"solvable_name: S[a-m]me*\nmatch_type: glob":                     false,
		"solvable_name: ^some.tool$\nmatch_type: regex":                  true,
		"solvable_name: tool\nmatch_type: word":                          true,
		"solvable_name: too\nmatch_type: word":                           false,
		"solvable_name: x\nsolvable_name: some":                          true, // either
		"solvable_name: some\ntype: package":                             true,
		"solvable_name: some\nversion: 1:2.0-3":                          true,
		"solvable_name: some\nversion: == 1:2.0":                         true,
		"solvable_name: some\nversion: 2.0":                              false, // the epoch counts
		"solvable_name: some\nversion: >= 1:2.0":                         true,
		"solvable_name: some\nversion: < 1:2.0":                          false,
		"solvable_name: some\nversion: > 1:1.9":                          true,
		"solvable_name: some\nversion: <= 1:2.0-2":                       false,
		"solvable_name: some\nversion: != 1:2.0":                         false,
		"solvable_name: Some-tool > 1:1\nmatch_type: exact":              true,
		"solvable_name: Some-tool = 1:1\nmatch_type: exact":              false,
		"solvable_name: some\ninstall_status: installed":                 true,
		"solvable_name: some\ninstall_status: not-installed":             false,
		"solvable_name: some\nrepo: updates":                             false,
		"solvable_name: some\nrepo: @System":                             true,
		"# a comment\nsolvable_name: some\ncomment: because":             true,
		"garbage parts entries\n\n\nsolvable_name: other\n\ngarbage":     false,
		"solvable_name: other\n\nsolvable_name: some\n\ntype: package\n": true,
	} {
		locks, _ := parseLocks(text)
		list := []baseline.Installed{some}
		remarks := hold(list, locks)
		if list[0].Held != want || (len(remarks) == 1) != want {
			t.Errorf("%q: held = %v, remarks %q, want %v", text, list[0].Held, remarks, want)
		}
	}
}

func TestLocksThatAreNotAboutPackagesAreRemarkedOn(t *testing.T) {
	for _, text := range []string{
		"type: patch\nsolvable_name: SUSE-1", "query_string: kde\nsolvable_name: x", "solvable_name: (\nmatch_type: regex",
		"solvable_name: a\nmatch_type: odd", "type: package", "solvable_name: x\nversion: >", "solvable_name: [\nmatch_type: glob",
		"complex: AttrMatchData solvable:name kernel C", "solvable_name: " + strings.Repeat("x", 2000) + "\nmatch_type: exact",
	} {
		locks, remarks := parseLocks(text)
		if len(locks) != 0 || len(remarks) != 1 || len(remarks[0]) > 400 {
			t.Errorf("%q: %d locks, remarks %q", text, len(locks), remarks)
		}
	}
}

func TestALockOnAnOfferIsRemarkedOn(t *testing.T) {
	locks, _ := parseLocks("solvable_name: some\nversion: > 1:2.0\n\nsolvable_name: some\nrepo: bad\n")
	s := system{inventory: baseline.Inventory{Installed: []baseline.Installed{some}}, locks: locks}
	offer := func(version, repo string) baseline.AvailablePackage {
		p := baseline.AvailablePackage{Package: some.Package, Repository: repo}
		p.Version = version
		return p
	}
	got := s.forbidden(baseline.Available{Packages: []baseline.AvailablePackage{offer("2.0", "good"), offer("2.1", "good"), offer("2.0", "bad")}})
	if len(got) != 2 || !strings.Contains(got[0], "2.1-3") || !strings.Contains(got[1], "2.0-3") {
		t.Errorf("remarks = %q", got)
	}
	s.inventory.Installed = []baseline.Installed{{Package: some.Package, Held: true}}
	if got := s.forbidden(baseline.Available{Packages: []baseline.AvailablePackage{offer("2.1", "good")}}); len(got) != 0 {
		t.Errorf("remarks on what is held anyway: %q", got)
	}
}

func TestMoreLocksThanAnybodySetsAreAnError(t *testing.T) {
	root := fstest.MapFS{"etc/zypp/locks": file(strings.Repeat("solvable_name: x\n\n", maxLocks+1))}
	if _, _, err := readLocks(root, "etc/zypp/locks"); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("error = %v", err)
	}
	if locks, remarks, err := readLocks(root, "etc/zypp/none"); locks != nil || remarks != nil || err != nil {
		t.Errorf("without a file: %v, %v, %v", locks, remarks, err)
	}
}
