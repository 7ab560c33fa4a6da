package inventory

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestADatabaseThatIsNotReadYetIsNeverAnEmptyAnswer(t *testing.T) {
	root := fstest.MapFS{
		"usr/lib/os-release":  {Data: []byte("ID=\"amzn\"\nVERSION_ID=\"2023\"\n")},
		"var/lib/dpkg/status": {Data: []byte("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")},
	}
	_, _, err := Installed(root, Options{})
	if fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "AmazonLinux2023") {
		t.Errorf("Installed = %v, want Unsupported naming the product", err)
	}
	if _, _, err := Collect(root, Options{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("Collect = %v, want Unsupported", err)
	}
	if _, _, err := Installed(fstest.MapFS{}, Options{}); err == nil {
		t.Error("a root without a system was read")
	}
}

func TestADebianRootIsReadWithoutItsLists(t *testing.T) {
	root := fstest.MapFS{
		"etc/os-release":      {Data: []byte("ID=debian\nVERSION_ID=\"12\"\n")},
		"var/lib/dpkg/status": {Data: []byte("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")},
	}
	inv, _, err := Installed(root, Options{})
	if err != nil || inv.Product != "Debian12" || len(inv.Installed) != 1 {
		t.Errorf("Installed = %+v, %v", inv, err)
	}
	if _, _, err := Collect(root, Options{}); err == nil {
		t.Error("a root without sources was collected")
	}
}
