package dnf

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// ofDNF was printed by dnf 4.14.
const ofDNF = `Last metadata expiration check: 0:00:19 ago on Sat Nov 21 08:26:09 2026.
Dependencies resolved.
================================================================================
 Package            Arch    Version                     Repo     Size
================================================================================
Installing:
 newname            x86_64  2.0-1                       baseos  6.0 k
     replacing  oldname.x86_64 1:1.0-1
Upgrading:
 a-name-that-is-too-long-for-its-column
                    x86_64  1.1.20260101-1.el9_4.5.6.7  baseos  6.5 k
 libz               x86_64  1:1.2-1                     baseos    0  
Installing dependencies:
 tool-lib           noarch  2:1.1-1                     baseos  5.9 M
Removing:
 kernel             x86_64  5.14.0-1                    @baseos  5.9 k
Enabling module streams:
 stream                     18

Transaction Summary
================================================================================
Install  2 Packages
Upgrade  2 Packages
Remove   1 Package

Total size: 48 k
`

// ofYum follows yum 3's source: it was not at hand.
const ofYum = `Loaded plugins: priorities, update-motd
Resolving Dependencies
--> Running transaction check
---> Package tool.x86_64 0:1.0-1 will be updated
--> Finished Dependency Resolution

Dependencies Resolved

================================================================================
 Package           Arch            Version           Repository            Size
================================================================================
Updating:
 tool              x86_64          1.1-1             amzn2-core           5.9 k
Installing for dependencies:
 tool-lib          x86_64          2:1.1-1           amzn2-core           5.9 k
Updating for dependencies:
 libz              x86_64          1.2-1             amzn2-core           5.9 k
Removing for dependencies:
 leaf              x86_64          1-1               installed            0.0  

Transaction Summary
================================================================================
Install             ( 1 Dependent package)
Upgrade  1 Package  (+1 Dependent package)
Remove              ( 1 Dependent package)

Total download size: 12 k
Exiting on user command
Your transaction was saved, rerun it with:
 yum load-transaction /tmp/yum_save_tx.2026-11-21.yumtx
`

func TestTablesAreReadWhole(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want apply.Simulation
	}{
		"dnf": {ofDNF, apply.Simulation{
			Install: []record.Change{
				{Name: "newname", Arch: "x86_64", To: "0:2.0-1"},
				{Name: "a-name-that-is-too-long-for-its-column", Arch: "x86_64", From: replaces, To: "0:1.1.20260101-1.el9_4.5.6.7"},
				{Name: "libz", Arch: "x86_64", From: replaces, To: "1:1.2-1"}, {Name: "tool-lib", Arch: "noarch", To: "2:1.1-1"},
			},
			Remove: []record.Change{{Name: "oldname", Arch: "x86_64", From: "1:1.0-1"}, {Name: "kernel", Arch: "x86_64", From: "0:5.14.0-1"}},
		}},
		"yum": {ofYum, apply.Simulation{
			Install: []record.Change{
				{Name: "tool", Arch: "x86_64", From: replaces, To: "0:1.1-1"}, {Name: "tool-lib", Arch: "x86_64", To: "2:1.1-1"},
				{Name: "libz", Arch: "x86_64", From: replaces, To: "0:1.2-1"},
			},
			Remove: []record.Change{{Name: "leaf", Arch: "x86_64", From: "0:1-1"}},
		}},
		"nothing": {"Dependencies resolved.\nNothing to do.\nComplete!\n", apply.Simulation{}},
	} {
		got, err := ParseTransaction([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestWhatIsNotWhollyReadIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"empty":               "",
		"cut in the table":    ofDNF[:strings.Index(ofDNF, "Removing:")],
		"cut in the summary":  ofDNF[:strings.Index(ofDNF, "Remove   1")],
		"a removal too many":  strings.Replace(ofDNF, "Remove   1 Package", "Remove   2 Packages", 1),
		"an unread removal":   strings.Replace(ofDNF, " kernel             x86_64  5.14.0-1                    @baseos  5.9 k\n", "", 1),
		"unknown heading":     strings.Replace(ofDNF, "Removing:", "Expunging:", 1),
		"row of another form": strings.Replace(ofDNF, "@baseos  5.9 k", "@baseos  many", 1),
		"row with more":       strings.Replace(ofDNF, "@baseos  5.9 k", "@baseos  5.9 k more", 1),
		"row cut":             strings.Replace(ofDNF, "  @baseos  5.9 k", "", 1),
		"odd replacement":     strings.Replace(ofDNF, "oldname.x86_64 1:1.0-1", "oldname", 1),
		"a skipped package":   strings.Replace(ofDNF, "\nTotal size", "Skip     1 Package\n\nTotal size", 1),
		"skipping conflicts":  strings.Replace(ofDNF, "Removing:", "Skipping packages with conflicts:", 1),
		"text in the table":   strings.Replace(ofDNF, "Removing:", "warning: x\nRemoving:", 1),
	} {
		if got, err := ParseTransaction([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func FuzzParseTransaction(f *testing.F) {
	f.Add([]byte(ofDNF))
	f.Add([]byte(ofYum))
	f.Add([]byte("Nothing to do.\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		sim, err := ParseTransaction(out)
		if err != nil {
			return
		}
		for _, c := range append(sim.Install, sim.Remove...) {
			if c.Name == "" || c.Arch == "" || c.From == "" && c.To == "" {
				t.Fatalf("half a step: %+v", c)
			}
		}
	})
}
