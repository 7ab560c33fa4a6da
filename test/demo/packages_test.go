package demo

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/test/witness"
)

// installedIn asks the root's own dpkg-query.
func installedIn(t *testing.T, root string) witness.Packages {
	t.Helper()
	return witness.ParsePackages(t, inside(t, root, witness.Query))
}

// inside runs a script in a root, in namespaces of its own, so that nothing stays
// mounted or running.
func inside(t *testing.T, root, script string) string {
	t.Helper()
	const enter = `mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$1" /bin/sh -c "$2"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", enter, "inside", root, script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s in %s: %v\n%s%s", script, root, err, out, errs.String())
	}
	return string(out)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
