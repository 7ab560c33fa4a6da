package rpm

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
)

// small is a root with the small database of the reader's own tests: 25 parts, three
// kernels, glibc for two architectures.
func small(t testing.TB) fstest.MapFS {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("..", "rpmdb", "testdata", "small.sqlite.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"etc/os-release":           {Data: []byte("ID=rocky\nVERSION_ID=9.3\n")},
		"var/lib/rpm/rpmdb.sqlite": {Data: b},
	}
}

func TestInstalledIsTheDatabaseInTheEvaluatorsWords(t *testing.T) {
	inv, remarks, err := Installed(small(t), reading.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if inv.OS != "ROCKY_LINUX" || inv.Product != "RockyLinux9.3" || inv.Arch != "x86_64" || inv.EnabledModules != nil {
		t.Errorf("%s %s %s %q", inv.OS, inv.Product, inv.Arch, inv.EnabledModules)
	}
	at := slices.IndexFunc(inv.Installed, func(p baseline.Installed) bool { return p.Name == "openssl" })
	if at < 0 {
		t.Fatal("openssl is missing")
	}
	p := inv.Installed[at]
	if p.Epoch != "1" || p.Version != "3.0.8" || p.Release != "1" || p.Arch != "x86_64" || p.InstalledTime.IsZero() || p.Source == "" || p.Held {
		t.Errorf("%+v", p)
	}
	if !slices.IsSortedFunc(inv.Installed, func(a, b baseline.Installed) int { return strings.Compare(a.Name+"\x00"+a.Arch, b.Name+"\x00"+b.Arch) }) {
		t.Error("packages are not sorted")
	}
	// Kernels live side by side, and glibc for two architectures is no duplicate.
	if len(remarks) != 0 {
		t.Errorf("remarks: %q", remarks)
	}
}

func TestEnabledModulesAreThoseInStateEnabled(t *testing.T) {
	root := small(t)
	for name, text := range map[string]string{
		"nodejs.module":  "[nodejs]\nname=nodejs\nstream=18\nprofiles=common\nstate=enabled\n",
		"perl.module":    "[perl]\nname = perl\nstream = 5.30 \nstate = enabled\n",
		"php.module":     "[php]\nname=php\nstream=\nstate=disabled\n",
		"ruby.module":    "# reset\n[ruby]\nname=ruby\nstream=\nstate=\n",
		"other.txt":      "[x]\nname=x\nstream=1\nstate=enabled\n",
		"mariadb.module": "[mariadb]\nstream=10.5\nstate=enabled\n",
	} {
		root["etc/dnf/modules.d/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	inv, _, err := Installed(root, reading.Options{})
	if want := []string{"mariadb:10.5", "nodejs:18", "perl:5.30"}; err != nil || !slices.Equal(inv.EnabledModules, want) {
		t.Errorf("%q, want %q: %v", inv.EnabledModules, want, err)
	}
	root["etc/dnf/modules.d/bad.module"] = &fstest.MapFile{Data: []byte("[bad]\nstate enabled\n")}
	if _, _, err := Installed(root, reading.Options{}); err == nil || !strings.Contains(err.Error(), "bad.module: line 2") {
		t.Errorf("a file that is not understood: %v", err)
	}
	root["etc/dnf/modules.d/bad.module"] = &fstest.MapFile{Data: []byte("[bad]\nstate=enabled\n")}
	if _, _, err := Installed(root, reading.Options{}); err == nil || !strings.Contains(err.Error(), "bad.module") {
		t.Errorf("a module without a stream: %v", err)
	}
}

func TestVersionLocksHoldWhatTheyKeep(t *testing.T) {
	on := "[main]\nenabled = 1\nlocklist = /etc/dnf/plugins/versionlock.list\n"
	list := "# Added lock on Mon\nopenssl-1:3.0.8-1.*\n\n0:glibc-2.34-1.*\ntzdata-0:2024a-1.*\n!bash-0:5.2-1.*\nkernel-core\n"
	for _, c := range []struct {
		what, conf string
		held       []string
		remarks    int
	}{
		{"on", on, []string{"glibc.i686", "glibc.x86_64", "kernel-core.x86_64", "kernel-core.x86_64", "kernel-core.x86_64", "openssl.x86_64"}, 8},
		{"off", strings.Replace(on, "= 1", "= 0", 1), nil, 0},
		{"without a list", "[main]\nenabled=1\n", nil, 0},
		{"without the plugin", "", nil, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			root := small(t)
			if c.conf != "" {
				root["etc/dnf/plugins/versionlock.conf"] = &fstest.MapFile{Data: []byte(c.conf)}
			}
			root["etc/dnf/plugins/versionlock.list"] = &fstest.MapFile{Data: []byte(list)}
			inv, remarks, err := Installed(root, reading.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var held []string
			for _, p := range inv.Installed {
				if p.Held {
					held = append(held, p.Name+"."+p.Arch)
				}
			}
			if !slices.Equal(held, c.held) || len(remarks) != c.remarks {
				t.Errorf("held %q, want %q; %d remarks: %q", held, c.held, len(remarks), remarks)
			}
		})
	}
}

func TestWhatCannotBeReadIsNeverAnEmptyAnswer(t *testing.T) {
	root := small(t)
	delete(root, "etc/os-release")
	if _, _, err := Installed(root, reading.Options{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("an unknown system: %v", err)
	}
	root = small(t)
	delete(root, "var/lib/rpm/rpmdb.sqlite")
	if inv, _, err := Installed(root, reading.Options{}); fault.KindOf(err) != fault.NotFound || inv.Installed != nil {
		t.Errorf("no database: %d packages, %v", len(inv.Installed), err)
	}
}
