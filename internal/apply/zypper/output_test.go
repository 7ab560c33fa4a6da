package zypper

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

const summary = `<?xml version='1.0'?>
<stream>
<message type="info">Loading repository data...</message>
<install-summary download-size="1" space-usage-diff="2" packages-to-change="7">
<to-upgrade>
<solvable type="package" name="alpha" edition="1.1-1" arch="x86_64" edition-old="1.0-1" arch-old="x86_64" summary="a &amp; b">
<description>many
lines &lt;b&gt;</description></solvable>
<solvable type="patch" name="SUSE-1" edition="1" arch="noarch"/>
</to-upgrade>
<to-downgrade><solvable type="package" name="down" edition="1-1" arch="noarch" edition-old="3:1-1" arch-old="noarch"/></to-downgrade>
<to-install><solvable type="package" name="kernel-default" edition="2:5.3-1" arch="x86_64"/></to-install>
<to-reinstall><solvable type="package" name="same" edition="1-1" arch="x86_64" edition-old="1-1" arch-old="x86_64"/></to-reinstall>
<to-remove><solvable type="package" name="gone" edition="4-1" arch="noarch"/></to-remove>
<to-change-arch><solvable type="package" name="turned" edition="2-1" arch="x86_64" edition-old="1-1" arch-old="noarch"/></to-change-arch>
<to-change-vendor><solvable type="package" name="alpha" edition="1.1-1" arch="x86_64" edition-old="1.0-1" arch-old="x86_64"/></to-change-vendor>
<_unsupported><solvable type="package" name="alpha" edition="1.1-1" arch="x86_64"/></_unsupported>
</install-summary>
</stream>
`

func TestASummaryIsReadWhole(t *testing.T) {
	o := parseOutput([]byte(summary))
	if err := o.trouble(); err != nil || !o.summary {
		t.Fatalf("summary %v, trouble %v", o.summary, err)
	}
	want := apply.Simulation{
		Install: []record.Change{
			{Name: "alpha", Arch: "x86_64", From: "0:1.0-1", To: "0:1.1-1"},
			{Name: "down", Arch: "noarch", From: "3:1-1", To: "0:1-1"},
			{Name: "kernel-default", Arch: "x86_64", To: "2:5.3-1"},
			{Name: "same", Arch: "x86_64", From: "0:1-1", To: "0:1-1"},
			{Name: "turned", Arch: "x86_64", To: "0:2-1"},
		},
		Remove: []record.Change{
			{Name: "gone", Arch: "noarch", From: "0:4-1"},
			{Name: "turned", Arch: "noarch", From: "0:1-1"},
		},
	}
	if d := cmp.Diff(want, o.simulation); d != "" {
		t.Error(d)
	}
}

func TestWhatCannotBeReadIsTrouble(t *testing.T) {
	for name, text := range map[string]string{
		"list of an unknown kind": `<stream><install-summary><to-vanish><solvable type="package" name="a" edition="1-1" arch="x"/></to-vanish></install-summary></stream>`,
		"package without version": `<stream><install-summary><to-remove><solvable type="package" name="a" arch="x"/></to-remove></install-summary></stream>`,
		"another element":         `<stream><install-summary><to-remove><package name="a"/></to-remove></install-summary></stream>`,
		"summary cut off":         `<stream><install-summary><to-install>`,
		"stream cut off":          `<stream><message type="info">Load`,
		"an error":                `<stream><message type="error">Skipping repository 'x' because of the above error.</message></stream>`,
	} {
		if err := parseOutput([]byte(text)).trouble(); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", name, err)
		}
	}
}

func TestProblemsAreToldWithoutTheWaysOutThatNobodyTook(t *testing.T) {
	o := parseOutput([]byte(`<stream><message type="error">x</message><prompt id="1">
<description>2 Problems:
Problem: nothing provides epsilon &gt;= 2 needed by delta-2.0-1.x86_64
 Solution 1: do not install delta-2.0-1.x86_64
 Solution 2: break delta-2.0-1.x86_64 by ignoring some of its dependencies
</description>
<text>Choose from above solutions by number or cancel</text></prompt></stream>`))
	if got, want := o.complaint(), "nothing provides epsilon >= 2 needed by delta-2.0-1.x86_64"; got != want {
		t.Errorf("complaint = %q, want %q", got, want)
	}
	o = parseOutput([]byte("<stream><message type=\"info\">In order to install &apos;alpha&apos;, you must agree to terms of the following license agreement:\n\nbeer</message>" +
		`<prompt id="3"><text>Do you agree with the terms of the license?</text></prompt></stream>`))
	if !o.license || o.complaint() != "the licence of alpha" {
		t.Errorf("licence = %v, %q", o.license, o.complaint())
	}
}

func TestColoursAndBrokenTextOfScriptsDoNotHideTheRest(t *testing.T) {
	o := parseOutput([]byte("<stream><message type=\"info\">Additional rpm output:\n\x1b[31mred\x1b[0m \xff\x00</message><message type=\"error\">late</message></stream>"))
	if o.unread != nil || o.complaint() != "late" {
		t.Errorf("unread %v, complaint %q", o.unread, o.complaint())
	}
}

func FuzzParseOutput(f *testing.F) {
	f.Add([]byte(summary))
	f.Add([]byte(`<stream><prompt><description>Problem: x` + "\n Solution 1" + `</description><text>license?</text></prompt></stream>`))
	f.Add([]byte("<stream><message type=\"error\">a\x1b</message>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o := parseOutput(text)
		for _, c := range o.simulation.Install {
			if c.Name == "" || c.To == "" || c.Arch == "" {
				t.Fatalf("half a step: %+v", c)
			}
		}
		for _, c := range o.simulation.Remove {
			if c.Name == "" || c.To != "" {
				t.Fatalf("half a removal: %+v", c)
			}
		}
		if len(o.complaint()) > 2100 || strings.Contains(o.complaint(), "\n") {
			t.Fatalf("complaint %q", o.complaint())
		}
	})
}
