package product

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/testkit"
)

func TestIdentifyUsesPatchManagersProductNames(t *testing.T) {
	for _, c := range []struct{ text, os, name, family string }{
		{"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", "DEBIAN", "Debian12", "dpkg"},
		{"NAME=Ubuntu\nID=ubuntu\nVERSION_ID='22.04'\n", "UBUNTU", "Ubuntu22.04", "dpkg"},
		{"ID=raspbian\nVERSION_ID=11\n", "RASPBIAN", "Raspbian11", "dpkg"},
		{"ID=\"amzn\"\nVERSION_ID=\"2023\"\n", "AMAZON_LINUX_2023", "AmazonLinux2023", "rpm"},
		{"ID=\"amzn\"\nVERSION_ID=\"2018.03\"\n", "AMAZON_LINUX", "AmazonLinux2018.03", "rpm"},
		{"ID=\"amzn\"\nVERSION_ID=\"2\"\n", "AMAZON_LINUX_2", "AmazonLinux2", "rpm"},
		{"ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", "REDHAT_ENTERPRISE_LINUX", "RedhatEnterpriseLinux9.4", "rpm"},
		{"ID=sles\nVERSION_ID=15.5\n", "SUSE", "Suse15.5", "zypp"},
	} {
		p, err := Identify([]byte(c.text))
		if err != nil || string(p.OS) != c.os || p.Name != c.name || string(p.Family) != c.family {
			t.Errorf("Identify(%q) = %+v, %v; want %s %s %s", c.text, p, err, c.os, c.name, c.family)
		}
	}
}

func TestAnUnknownSystemIsAnErrorThatNamesIt(t *testing.T) {
	for _, text := range []string{"ID=plan9\nVERSION_ID=4\n", "ID=debian\n", "ID=debian\nVERSION_ID=7\n", "ID=debian\nVERSION_ID=1\n", "", "\x00\x00"} {
		_, err := Identify([]byte(text))
		if fault.KindOf(err) != fault.Unsupported || err == nil {
			t.Errorf("Identify(%q) = %v, want Unsupported", text, err)
		}
	}
	if _, err := Identify([]byte("ID=plan9\nVERSION_ID=4\n")); !strings.Contains(err.Error(), "plan9") {
		t.Errorf("the error does not name the system: %v", err)
	}
}

func TestThePlatformOfModulesIsKept(t *testing.T) {
	p, err := Identify([]byte("ID=\"rocky\"\nVERSION_ID=\"8.9\"\nPLATFORM_ID=\"platform:el8\"\n"))
	if err != nil || p.Release.PlatformID != "platform:el8" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestReadTakesEitherPlace(t *testing.T) {
	text := &fstest.MapFile{Data: []byte("ID=debian\nVERSION_ID=12\n")}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if p, err := Read(fstest.MapFS{name: text}); err != nil || p.Name != "Debian12" {
			t.Errorf("Read with %s = %+v, %v", name, p, err)
		}
	}
	other := &fstest.MapFile{Data: []byte("ID=ubuntu\nVERSION_ID=22.04\n")}
	if p, err := Read(fstest.MapFS{"etc/os-release": text, "usr/lib/os-release": other}); err != nil || p.Name != "Debian12" {
		t.Errorf("Read where both are there and differ = %+v, %v; etc counts (os-release(5))", p, err)
	}
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Error("a root without os-release was identified")
	}
}

func TestAFileWithoutEndIsNotRead(t *testing.T) {
	long := &fstest.MapFile{Data: append([]byte("ID=debian\nVERSION_ID=12\n#"), make([]byte, maxRelease)...)}
	if p, err := Read(fstest.MapFS{"etc/os-release": long}); err == nil {
		t.Errorf("Read = %+v of a file longer than any", p)
	}
}

// The shell is the oracle: os-release(5) is a subset of its syntax.
func TestOsReleaseIsReadAsAShellReadsIt(t *testing.T) {
	for _, value := range []string{"debian", `"a b"`, `'a "b" $c'`, `"a \"b\" \$c \\ d"`, `""`, "12.04", `"it's"`} {
		file := filepath.Join(t.TempDir(), "os-release")
		if err := os.WriteFile(file, []byte("PRETTY_NAME="+value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", `. "$1"; printf %s "$PRETTY_NAME"`, "sh", file).Output()
		if err != nil {
			testkit.Missing(t, "a shell: %v", err)
		}
		if got := parse([]byte("PRETTY_NAME=" + value + "\n")).Pretty; got != string(out) {
			t.Errorf("%s is %q, the shell says %q", value, got, out)
		}
	}
}

func TestQuotingOfOsRelease(t *testing.T) {
	for in, want := range map[string]string{`"a \"b\" \$c"`: `a "b" $c`, `'x y'`: "x y", `plain`: "plain", `"`: `"`, `""`: ""} {
		if got := unquote(in); got != want {
			t.Errorf("unquote(%s) = %s, want %s", in, got, want)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte("ID=debian\nVERSION_ID=\"12\"\n"))
	f.Add([]byte("ID=\"\\\"\nVERSION_ID='"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Identify(text)
		if (err == nil) != (p.Name != "" && p.OS != "" && p.Family != "") {
			t.Fatalf("half an answer: %+v, %v", p, err)
		}
	})
}
