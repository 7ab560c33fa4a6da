package baseline

import (
	"bytes"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"Name":"abc"}`, `{"Name":"abc","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ApproveAfterDays":7}]}}`,
		`{"Name":"abc","OperatingSystem":"WINDOWS","ApprovalRules":{"PatchRules":[null]}}`, `null`, `[]`, `{"Name":"abc","GlobalFilters":null,"Sources":[{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Parse(b.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), b.Canonical()) {
			t.Fatalf("%v\n%s", err, b.Canonical())
		}
		Lint(b)
		if _, err := Evaluate(b, Node{Inventory: Inventory{OS: b.os(), Product: "x"}}, day0, Options{}); err != nil {
			t.Fatalf("a legal baseline does not evaluate: %v", err)
		}
	})
}

func FuzzNamePatterns(f *testing.F) {
	for _, s := range []string{"bash", "kernel*", "*-1:[0-9]*", "[", "[]", "[!", "[z-a]", "***", "?", "a\x00b", "é*"} {
		f.Add(s, "kernel-tools-1:5.10-1.x86_64")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > maxOverrideText || len(text) > 512 {
			return // such patterns are refused before they are compiled
		}
		g := compileGlob(pattern)
		if !isGlob(pattern) && g.match([]byte(text)) != (foldString(pattern) == foldString(text)) {
			t.Fatalf("%q on %q: a plain string matches itself only", pattern, text)
		}
		if star := compileGlob("*" + pattern + "*"); g.match([]byte(text)) && !star.match([]byte("x"+text+"y")) {
			t.Fatalf("%q on %q: stars around a pattern must not narrow it", pattern, text)
		}
		p := Package{Name: text, Arch: "x", Version: pattern, Release: text}
		for _, os := range []OperatingSystem{RedHat, Suse, Debian, MacOS} {
			MatchPattern(os, pattern, p, Notice{ID: text})
		}
	})
}

func FuzzVersions(f *testing.F) {
	for _, p := range nearTies(5, 40, "~^.+-:0019azAZ") {
		f.Add(p[0], p[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, os := range []OperatingSystem{Debian, RedHat, MacOS} {
			if c := CompareVersions(os, a, b); c < -1 || c > 1 || c != -CompareVersions(os, b, a) {
				t.Fatalf("%s: %q and %q: %d", os, a, b, c)
			}
		}
	})
}

func FuzzInstallOverrideList(f *testing.F) {
	for _, s := range []string{
		"patches:\n  - id: 'kernel.x86_64'\n    title: '*4.14*'\n", "patches: []", "patches: [{id: KB1}]", "patches:\n- &a {id: x}\n- *a",
		"", "a: [", "patches:\n  - id: |\n      x\n", "patches: !!set {}", "? patches\n: - id: 1.10",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, _, err := ParseInstallOverrideList(data)
		if err != nil {
			return
		}
		for _, p := range l.Patches {
			if p.ID == "" {
				t.Fatalf("an entry without id was accepted: %q", data)
			}
		}
	})
}

func FuzzDates(f *testing.F) {
	for _, s := range []string{"2025-07-14", "2025-07-14 12", "2025-07-14 12:00:00 UTC", "Wed Sep  9 20:03:15 2020", "1599681795"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := ParseDate(s)
		if !ok {
			return
		}
		if again, ok := ParseDate(d.Format("2006-01-02 15:04:05")); d.Year() > 0 && d.Year() < 10000 && d.Nanosecond() == 0 && (!ok || !again.Equal(d)) {
			t.Fatalf("%q is %v, which reads as %v", s, d, again)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(`{"patchBaseline":{"name":"abc","operatingSystem":"DEBIAN","approvalRules":{"rules":[{"filterGroup":{"filters":[]}}]}}}`))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSnapshot(data)
		if err != nil {
			return
		}
		if b, err := s.Baseline.ToBaseline(); err == nil {
			if again, err := NewSnapshot(b, "").Baseline.ToBaseline(); err != nil || again.Digest() != b.Digest() {
				t.Fatalf("%v: %s", err, data)
			}
		}
	})
}
