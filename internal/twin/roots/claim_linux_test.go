package roots

import (
	"net/netip"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

func TestOfTwoTwinsOneHasAnAddressUntilItGivesItBack(t *testing.T) {
	one, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	image := backing.Image{Layers: []string{"/nowhere"}}
	a, b := netip.MustParseAddr("127.77.6.1"), netip.MustParseAddr("127.77.6.2")
	claims := func(what string, r *Roots, at netip.Addr, want bool) {
		t.Helper()
		if got := r.Claim(image, at); got != want {
			t.Errorf("%s: claimed: %v, want %v", what, got, want)
		}
	}
	claims("a free one", one, a, true)
	claims("its own again", one, a, true)
	claims("another's", other, a, false)
	claims("another one", other, b, true)
	claims("no address", other, netip.Addr{}, true)
	if err := one.Destroy(t.Context(), backing.Machine{ID: "i-1", Dir: t.TempDir(), Address: a}); err != nil {
		t.Fatal(err)
	}
	claims("that of a machine that was destroyed", other, a, true)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	claims("those of a twin that has ended", one, a, true)
	claims("those of a twin that has ended", one, b, true)
	claims("after its own end", other, netip.MustParseAddr("127.77.6.3"), false)
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
}
