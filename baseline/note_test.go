package baseline

import (
	"slices"
	"strings"
	"testing"
)

func notesOf(t *testing.T, b *Baseline, n Node) string {
	t.Helper()
	r, err := Evaluate(b, n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(r.Notes, "\n")
}

func TestUndatedApprovalsAreNoted(t *testing.T) { // AMB-03
	b := withRules(RedHat, rule(7))
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{advisory("A", "security", "Low", "soon")}})
	if got := notesOf(t, b, n); !strings.Contains(got, "1970: pkg.x86_64=0:2-1") {
		t.Errorf("got %q", got)
	}
	b.ApprovedPatches, b.ApprovalRules = []string{"pkg"}, nil // a list needs no date
	if got := notesOf(t, b, n); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestPhasedUpdatesAreTakenAndNoted(t *testing.T) { // §16.6
	b := debianBaseline()
	b.ApprovalRules.PatchRules[0].EnableNonSecurity = ptr(true)
	n := debianNode()
	p := &n.Available.Packages[0]
	p.Phased = 20
	if got := notesOf(t, b, n); got != "" {
		t.Errorf("security updates are not phased: %q", got)
	}
	p.Origins = nil
	if got := notesOf(t, b, n); !strings.Contains(got, "openssl.amd64=3.0.16-1~deb12u1 (20 %)") {
		t.Errorf("got %q", got)
	}
}

func TestAnOlderRunningKernelIsNoted(t *testing.T) { // §16.3
	kernel := func(version string) Installed {
		return Installed{Package: Package{Name: "kernel", Arch: "x86_64", Version: version, Release: "1.amzn2023"}}
	}
	n := Node{Inventory: Inventory{OS: AmazonLinux2023, Product: "AmazonLinux2023", Installed: []Installed{kernel("6.1.10"), kernel("6.1.9")}}}
	b := withRules(AmazonLinux2023, rule(7))
	for running, want := range map[string]bool{"6.1.9-1.amzn2023.x86_64": true, "6.1.10-1.amzn2023.x86_64": false, "6.1.11-1.amzn2023.x86_64": false, "": false} {
		n.Inventory.Kernel = running
		if got := notesOf(t, b, n); strings.Contains(got, "6.1.10-1.amzn2023") != want {
			t.Errorf("%q: got %q", running, got)
		}
	}
}

func TestFewNamesAreListed(t *testing.T) {
	if got := few(slices.Repeat([]string{"a"}, 7)); got != "a, a, a, a, a and 2 more" {
		t.Errorf("got %q", got)
	}
}
