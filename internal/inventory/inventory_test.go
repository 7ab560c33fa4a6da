package inventory

import (
	"testing"
	"testing/fstest"
)

func TestADatabaseThatIsNotThereIsNeverAnEmptyAnswer(t *testing.T) {
	root := fstest.MapFS{
		"usr/lib/os-release":  {Data: []byte("ID=\"amzn\"\nVERSION_ID=\"2023\"\n")},
		"var/lib/dpkg/status": {Data: []byte("Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")},
	}
	if inv, _, err := Installed(root, Options{}); err == nil {
		t.Errorf("Installed = %+v, want an error", inv)
	}
	if node, _, err := Collect(root, Options{}); err == nil {
		t.Errorf("Collect = %+v, want an error", node)
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
