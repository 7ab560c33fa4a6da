package zypp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAFileOfConfigurationOverTheBoundIsAnErrorThatNamesIt(t *testing.T) {
	for _, name := range []string{
		"etc/zypp/zypp.conf", "etc/zypp/repos.d/a.repo", "etc/zypp/services.d/a.service", "etc/zypp/vars.d/a", "etc/products.d/baseproduct", "etc/zypp/locks",
	} {
		root := fstest.MapFS{name: {Data: bytes.Repeat([]byte("#"), maxConfig+1)}}
		err := func() error {
			at, err := readLayout(root)
			if err != nil {
				return err
			}
			repos, err := readRepos(root, at, "x86_64")
			if err != nil {
				return err
			}
			if err := checkServices(root, at, repos); err != nil {
				return err
			}
			_, _, err = readLocks(root, at.locks)
			return err
		}()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s has more than %d bytes", name, maxConfig)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
