package inventory

import (
	"testing"

	"github.com/goldenami/rehydrate/baseline"
)

func TestASourceOfAptCountsIfItIsSignedOrMarkedAsTrusted(t *testing.T) {
	verified := baseline.Repository{ID: "verified", Verified: true}
	marked := baseline.Repository{ID: "marked", Origin: baseline.Origin{Trusted: true}}
	neither := baseline.Repository{ID: "neither", Origin: baseline.Origin{Label: "Debian"}}
	for _, c := range []struct {
		os   baseline.OperatingSystem
		have []baseline.Repository
		want string
	}{
		{baseline.Debian, nil, ""},
		{baseline.Debian, []baseline.Repository{verified, marked}, ""},
		{baseline.Debian, []baseline.Repository{verified, neither}, "neither"},
		{baseline.Ubuntu, []baseline.Repository{neither}, "neither"},
		{baseline.Raspbian, []baseline.Repository{neither}, "neither"},
		{baseline.Suse, []baseline.Repository{neither}, ""},
		{baseline.AmazonLinux2023, []baseline.Repository{neither}, ""},
	} {
		n := baseline.Node{Inventory: baseline.Inventory{OS: c.os}, Available: baseline.Available{Repositories: c.have}}
		if got := Untrusted(n); got != c.want {
			t.Errorf("%s, %+v: %q, want %q", c.os, c.have, got, c.want)
		}
	}
}
