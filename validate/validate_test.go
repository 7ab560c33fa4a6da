package validate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/osimage/ebs"
	"github.com/goldenami/rehydrate/internal/record"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func inventoryOf(pairs ...string) baseline.Inventory {
	i := baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64"}
	for n := 0; n < len(pairs); n += 2 {
		i.Installed = append(i.Installed, baseline.Installed{Package: baseline.Package{Name: pairs[n], Arch: "amd64", Version: pairs[n+1]}})
	}
	return i
}

// bake is a bake of one locked package, tool 1.1 to 1.2, with its evidence.
func bake(t *testing.T) Input {
	t.Helper()
	nonSecurity := true
	b := &baseline.Baseline{Name: "all-of-it", OperatingSystem: baseline.Debian, RejectedPatchesAction: "BLOCK",
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{{EnableNonSecurity: &nonSecurity, PatchFilterGroup: &baseline.PatchFilterGroup{
			PatchFilters: []baseline.PatchFilter{{Key: "PRIORITY", Values: []string{"*"}}}}}}}}
	node := baseline.Node{Inventory: inventoryOf("base", "1", "tool", "1.1"), Available: baseline.Available{
		Packages: []baseline.AvailablePackage{{Package: baseline.Package{Name: "tool", Arch: "amd64", Version: "1.2"}, Priority: "optional",
			Repository: "r", Filename: "pool/tool.deb", Size: 9, SHA256: strings.Repeat("a", 64)}},
		Repositories: []baseline.Repository{{ID: "r", URL: "http://archive"}},
	}}
	lock, err := baseline.MakeLock(b, node, now, baseline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(lock.Packages) != 1 {
		t.Fatalf("lock %+v", lock.Packages)
	}
	return Input{Image: "ami-new", Baseline: b, Lock: lock, Evidence: &node, Marker: "m-1"}
}

func clean() fstest.MapFS {
	return fstest.MapFS{"etc/os-release": {Data: []byte("ID=debian")}, "home/admin/.ssh/authorized_keys": {Data: []byte("ssh-ed25519 AAAA me")}}
}

func judged(in Input, d *disk) record.Verdict {
	var v record.Verdict
	g := &Gate{Events: event.Discard, Now: func() time.Time { return now }}
	g.check(in, d, &v)
	conclude(&v)
	return v
}

func TestVerdict_passes_what_the_bake_promised(t *testing.T) {
	v := judged(bake(t), &disk{root: clean(), inventory: inventoryOf("base", "1", "tool", "1.2"), marker: "m-1"})
	if v.Outcome != record.Pass || len(v.Reasons) != 0 {
		t.Errorf("%s: %v", v.Outcome, v.Reasons)
	}
}

func TestVerdict_fails(t *testing.T) {
	dirty := clean()
	dirty["tmp/rehydrate-1/request.json"] = &fstest.MapFile{}
	keys := clean()
	keys["home/admin/.ssh/authorized_keys"] = &fstest.MapFile{Data: []byte("ssh-rsa AAAA packer_65f")}
	host := clean()
	host["etc/ssh/ssh_host_ed25519_key"] = &fstest.MapFile{}
	good := inventoryOf("base", "1", "tool", "1.2")
	for name, c := range map[string]struct {
		d    disk
		want string
	}{
		"an older package":        {disk{clean(), inventoryOf("base", "1", "tool", "1.1"), "m-1"}, "tool older (installed: 1.1)"},
		"a newer package":         {disk{clean(), inventoryOf("base", "1", "tool", "1.3"), "m-1"}, "tool newer"},
		"a package that is gone":  {disk{clean(), inventoryOf("base", "1"), "m-1"}, "tool absent"},
		"another bake's disk":     {disk{clean(), good, "m-2"}, "another bake's disk"},
		"a disk without marker":   {disk{clean(), good, ""}, "does not hold the marker"},
		"a work folder left":      {disk{dirty, good, "m-1"}, "/tmp/rehydrate-1"},
		"a temporary key left":    {disk{keys, good, "m-1"}, "temporary key"},
		"a host key in the image": {disk{host, good, "m-1"}, "ssh_host_ed25519_key"},
	} {
		v := judged(bake(t), &c.d)
		if v.Outcome != record.Fail || !strings.Contains(strings.Join(v.Reasons, "\n"), c.want) {
			t.Errorf("%s: %s: %v", name, v.Outcome, v.Reasons)
		}
	}
}

func TestVerdict_without_evidence_is_unknown(t *testing.T) {
	in := bake(t)
	in.Evidence = nil
	v := judged(in, &disk{root: clean(), inventory: inventoryOf("base", "1", "tool", "1.2"), marker: "m-1"})
	if v.Outcome != record.Unknown {
		t.Errorf("got %s: %v", v.Outcome, v.Reasons)
	}
}

func TestVerdict_one_fail_outweighs_an_unknown(t *testing.T) {
	v := record.Verdict{Checks: []record.Check{{Name: "a", Outcome: record.Unknown}, {Name: "b", Outcome: record.Fail}, {Name: "c", Outcome: record.Unknown}}}
	if conclude(&v); v.Outcome != record.Fail || len(v.Reasons) != 3 {
		t.Errorf("%s %v", v.Outcome, v.Reasons)
	}
	odd := record.Verdict{Checks: []record.Check{{Name: "a", Outcome: "surprise"}}}
	if conclude(&odd); odd.Outcome != record.Unknown {
		t.Errorf("an outcome nobody knows is %s", odd.Outcome)
	}
}

// images and blocks are one snapshot of a real ext4 file system.
type images map[string]string

func (i images) RootSnapshot(_ context.Context, id string) (string, error) {
	if s, ok := i[id]; ok {
		return s, nil
	}
	return "", fault.New(fault.NotFound, "", "no image %s", id)
}

type blocks map[string][]byte

func (b blocks) Page(_ context.Context, snap string, from int64, _ string) (ebs.Page, error) {
	p := ebs.Page{BlockSize: 512 << 10, VolumeSize: int64(len(b[snap]))}
	for i := from; i < int64(len(b[snap])/p.BlockSize); i++ {
		p.Blocks = append(p.Blocks, ebs.Block{Index: i, Token: fmt.Sprint(i)})
	}
	return p, nil
}

func (b blocks) Get(_ context.Context, snap string, i int64, _ string) ([]byte, error) {
	return b[snap][i*512<<10 : (i+1)*512<<10], nil
}

func ext4(t *testing.T, tool, marker string) []byte {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"etc/os-release":      "ID=debian\nVERSION_ID=\"12\"\n",
		"var/lib/dpkg/status": "Package: base\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\nPackage: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + tool + "\n\n",
		"var/lib/dpkg/arch":   "amd64\n",
		MarkerPath:            marker + "\n",
	}
	for name, body := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img := filepath.Join(t.TempDir(), "img")
	out, err := exec.Command("/usr/sbin/mkfs.ext4", "-q", "-d", dir, img, "8M").CombinedOutput()
	if errors.Is(err, os.ErrNotExist) && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip("mkfs.ext4 is missing: install e2fsprogs")
	}
	if err != nil {
		t.Fatalf("mkfs.ext4: %v %s", err, out)
	}
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestJudge_reads_the_disk_itself_and_says_what_changed(t *testing.T) {
	g := &Gate{Images: images{"ami-new": "snap-new", "ami-old": "snap-old"}, Events: event.Discard, Now: func() time.Time { return now },
		Blocks: blocks{"snap-new": ext4(t, "1.2", "m-1"), "snap-old": ext4(t, "1.1", "m-0")}}
	in := bake(t)
	in.InUse = "ami-old"
	v, err := g.Judge(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if v.Outcome != record.Pass || v.Marker != "m-1" || v.Packages != 2 || v.Read.Blocks == 0 {
		t.Errorf("%+v", v)
	}
	if want := []record.Change{{Name: "tool", Arch: "amd64", From: "1.1", To: "1.2"}}; !cmp.Equal(want, v.Changes) {
		t.Error(cmp.Diff(want, v.Changes))
	}
}

func TestJudge_of_a_disk_it_cannot_read_is_unknown(t *testing.T) {
	dirty := ext4(t, "1.2", "m-1")
	dirty[1024+96] |= 4 // a journal to replay
	for name, disk := range map[string][]byte{"dirty": dirty, "empty": make([]byte, 1<<20)} {
		g := &Gate{Images: images{"ami-new": "snap"}, Blocks: blocks{"snap": disk}, Events: event.Discard, Now: func() time.Time { return now }}
		v, err := g.Judge(t.Context(), bake(t))
		if err != nil || v.Outcome != record.Unknown {
			t.Errorf("%s: %s, %v", name, v.Outcome, err)
		}
	}
}

func TestJudge_of_no_image_is_an_error(t *testing.T) {
	g := &Gate{Images: images{}, Blocks: blocks{}, Events: event.Discard, Now: func() time.Time { return now }}
	if _, err := g.Judge(t.Context(), bake(t)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestVerdict_without_a_marker_depends_on_who_baked(t *testing.T) {
	good := disk{root: clean(), inventory: inventoryOf("base", "1", "tool", "1.2")}
	for builder, want := range map[string]string{"packer 1.15.0 amazon-ebs 1.8.0": record.Unknown, "run-command": record.Pass} {
		in := bake(t)
		in.Marker, in.Builder = "", builder
		v := judged(in, &good)
		if v.Outcome != want {
			t.Errorf("%s: %s: %v", builder, v.Outcome, v.Reasons)
		}
		if want == record.Pass && !strings.Contains(v.Checks[0].Text, "none was planted (Run Command bake)") {
			t.Errorf("%s: %+v", builder, v.Checks[0])
		}
	}
}

func TestVerdict_only_optional_checks_can_be_switched_off(t *testing.T) {
	in := bake(t)
	in.SkipCheck = []string{"marker", "lock", "baseline", "changes", "hygiene"}
	v := judged(in, &disk{root: clean(), inventory: inventoryOf("base", "1", "tool", "1.1"), marker: "m-2"})
	got := map[string]string{}
	for _, c := range v.Checks {
		got[c.Name] = c.Outcome
	}
	want := map[string]string{"marker": record.Fail, "lock": record.Fail, "baseline": record.Fail, "changes": "skipped", "hygiene": "skipped"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// failing answers for one image with an error.
type failing struct {
	images
	at  string
	err error
}

func (f failing) RootSnapshot(ctx context.Context, id string) (string, error) {
	if id == f.at {
		return "", f.err
	}
	return f.images.RootSnapshot(ctx, id)
}

func TestJudge_says_in_the_verdict_that_the_image_in_use_could_not_be_read(t *testing.T) {
	g := &Gate{Events: event.Discard, Now: func() time.Time { return now }, Blocks: blocks{"snap-new": ext4(t, "1.2", "m-1")}}
	in := bake(t)
	in.InUse = "ami-old"
	for cause, stops := range map[error]bool{
		fault.New(fault.Denied, "", "not your snapshot"):            false,
		fmt.Errorf("describe images: %w", context.Canceled):         true,
		fmt.Errorf("describe images: %w", context.DeadlineExceeded): true,
	} {
		g.Images = failing{images{"ami-new": "snap-new"}, "ami-old", cause}
		v, err := g.Judge(t.Context(), in)
		if stops {
			if !errors.Is(err, cause) {
				t.Errorf("%v: got %v, %s", cause, err, v.Outcome)
			}
			continue
		}
		if err != nil || v.Outcome != record.Pass {
			t.Fatalf("%v: %v, %s %v", cause, err, v.Outcome, v.Reasons)
		}
		last := v.Checks[len(v.Checks)-1]
		if last.Name != "compare" || last.Outcome != "skipped" || !strings.Contains(last.Text, "not your snapshot") || v.Against != "" {
			t.Errorf("last check %+v, against %q", last, v.Against)
		}
	}
}
