package imagediff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func diff() *record.ImageDiff {
	return &record.ImageDiff{
		Schema: 1, Depth: record.DepthMetadata,
		From: record.DiffSide{Target: "ami-1", Kind: "image", Snapshot: "snap-1", Product: "Debian12", Arch: "amd64", Packages: 88, Depth: "metadata",
			Costs: []record.DepthCost{{Depth: "packages", ReadCost: record.ReadCost{Bytes: 5_500_000, Blocks: 11, Total: 441, MS: 300}}}},
		To: record.DiffSide{Target: "ami-2", Kind: "image", Snapshot: "snap-2", Product: "Debian12", Arch: "amd64", Packages: 89, Depth: "metadata"},
		Packages: []record.PackageChange{{Change: record.Change{Name: "apt", Arch: "amd64", From: "1", To: "2"}, How: "upgraded"},
			{Change: record.Change{Name: "linux-image-6.1", Arch: "amd64", To: "6.1"}, How: "added", Kernel: true}},
		Users:    []record.Difference{{Name: "eve", How: "added", To: "uid 0"}},
		Sizes:    []record.SizeChange{{Path: ".", FromBytes: 1_000_000, ToBytes: 3_000_000, FromFiles: 1, ToFiles: 2}},
		Unknown:  []string{"ami-1: boot is on another file system"},
		Modelled: []string{"AWS, by the twin"},
	}
}

func TestEveryFormatSaysAllThatDiffers(t *testing.T) {
	for format, wants := range map[string][]string{
		"table": {"ami-1 (snap-1), image, Debian12 amd64, 88 packages; packages: 11 of 441 blocks, 5.5 MB in 300 ms", "1 package added, 1 package upgraded, 1 of them a kernel, 1 user",
			"Kernel packages (1)\n  linux-image-6.1 amd64  added    6.1", "apt amd64  upgraded  1  2", "eve  added    uid 0", "in all  +2000000 bytes", "modelled: AWS", "not known: ami-1: boot is on"},
		"md":   {"# what differs to the depth of metadata: 1 package added", "| linux-image-6.1 amd64 | added | – | 6.1 |", "## Users (1)", "> **Modelled, not AWS:** AWS, by the twin.", "## Not known"},
		"html": {"<h1>ami-1 → ami-2</h1>", `<td>eve</td><td class="good">added</td><td>–</td><td>uid 0</td>`, "Modelled, not AWS:", "boot is on another file system"},
		"json": {`"how": "upgraded"`, `"kernel": true`},
	} {
		var b strings.Builder
		if err := Write(&b, format, diff()); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s does not say %q:\n%s", format, want, b.String())
			}
		}
	}
	var b strings.Builder
	var back record.ImageDiff
	if err := Write(&b, "json", diff()); err != nil || json.Unmarshal([]byte(b.String()), &back) != nil || cmp.Diff(*diff(), back) != "" {
		t.Errorf("the JSON form loses something: %s", cmp.Diff(*diff(), back))
	}
	if err := Write(&b, "pdf", diff()); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestNothingThatDiffersIsSaidPlainly(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "table", &record.ImageDiff{Depth: "packages", Same: true}); err != nil || !strings.Contains(b.String(), "nothing differs to the depth of packages\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
	if v := verdict(&record.ImageDiff{Depth: "metadata", From: record.DiffSide{Product: "A"}, To: record.DiffSide{Product: "B"}}); !strings.Contains(v, "A became B") {
		t.Error(v)
	}
}

// A saved report, or a file name on an image, may hold anything.
func TestHostileTextsHarmNoReport(t *testing.T) {
	d := diff()
	evil := "\x1b[2J<script>alert(1)</script>|\n# head\u202e`x`"
	d.From.Target, d.Users[0].Name, d.Users[0].To, d.Users[0].How, d.Packages[0].Name, d.Unknown = evil, evil, evil, evil, evil, []string{evil}
	for _, format := range []string{"table", "md", "html"} {
		var b strings.Builder
		if err := Write(&b, format, d); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if format != "html" && strings.ContainsAny(got, "\x1b\u202e") || format != "table" && strings.Contains(got, "<script>") || strings.Contains(got, "\n# head") && format != "html" {
			t.Errorf("%s:\n%s", format, got)
		}
	}
}

func TestLongListsAreCutWherePeopleRead(t *testing.T) {
	d := diff()
	for i := range 3000 {
		d.Files = append(d.Files, record.Difference{Name: fmt.Sprint("f", i), How: "changed"})
	}
	for format, want := range map[string]string{"table": "and 2800 more", "md": "And 2800 more.", "html": "And 1000 more"} {
		var b strings.Builder
		if err := Write(&b, format, d); err != nil || !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "Files (3000)") {
			t.Errorf("%s: %v", format, err)
		}
	}
}
