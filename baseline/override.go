package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// InstallOverrideList is the file of §6.5: exactly what an Install shall install.
type InstallOverrideList struct {
	Patches []OverridePatch `json:"patches" yaml:"patches"`
}

// OverridePatch names a package by two patterns that must both match; without a
// title the id alone decides. On Windows the id is a KB and the title unused.
type OverridePatch struct {
	ID    string `json:"id" yaml:"id"`
	Title string `json:"title,omitempty" yaml:"title,omitempty"`
}

// maxOverrideBytes bounds an override file; 50,000 entries fit.
const maxOverrideBytes = 8 << 20

// maxOverrideText bounds one pattern, and with it the cost of matching it; no
// rendering of a package is longer.
const maxOverrideText = 1024

// ParseInstallOverrideList reads the YAML of §6.5. Keys other than patches, id and
// title are ignored, an entry without id is an error, a list without entries is
// legal and comes with a warning.
func ParseInstallOverrideList(data []byte) (*InstallOverrideList, []string, error) {
	if len(data) > maxOverrideBytes {
		return nil, nil, fmt.Errorf("reading install override list: %d bytes, at most %d are read", len(data), maxOverrideBytes)
	}
	var doc struct {
		Patches *[]struct {
			ID    yamlText `yaml:"id"`
			Title yamlText `yaml:"title"`
		} `yaml:"patches"`
	}
	if err := decodeYAML(data, &doc); err != nil {
		return nil, nil, fmt.Errorf("reading install override list: %w", err)
	}
	if doc.Patches == nil {
		return nil, nil, errors.New("reading install override list: no top key patches")
	}
	l := &InstallOverrideList{Patches: []OverridePatch{}}
	v := &faultList{}
	for i, entry := range *doc.Patches {
		p := OverridePatch{ID: string(entry.ID), Title: string(entry.Title)}
		l.Patches = append(l.Patches, p)
		if strings.TrimSpace(p.ID) == "" {
			v.add(fmt.Sprintf("patches[%d].id", i), p.ID, "required", sourceOverride)
		}
		if n := max(len(p.ID), len(p.Title)); n > maxOverrideText {
			v.add(fmt.Sprintf("patches[%d]", i), p.ID, fmt.Sprintf("at most %d bytes of id and of title", maxOverrideText), sourceOverride)
		}
	}
	if err := v.err("install override list"); err != nil {
		return nil, nil, err
	}
	if len(l.Patches) == 0 {
		return l, []string{"the install override list is empty: nothing will be installed"}, nil
	}
	return l, nil, nil
}

const sourceOverride = "SSM user guide, InstallOverrideList"

// yamlText is a scalar as it was written: an unquoted 1.10 is the text 1.10, not
// the number 1.1.
type yamlText string

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (s *yamlText) UnmarshalYAML(n ast.Node) error {
	switch n := n.(type) {
	case *ast.NullNode:
		*s = ""
	case *ast.StringNode:
		*s = yamlText(n.Value)
	case *ast.LiteralNode:
		*s = yamlText(n.Value.Value)
	case ast.ScalarNode:
		*s = yamlText(n.GetToken().Value)
	default:
		return fmt.Errorf("line %d: want a text, not a %s", n.GetToken().Position.Line, n.Type())
	}
	return nil
}

// decodeYAML guards the library: whatever hostile text makes it do, the caller
// gets an error.
func decodeYAML(data []byte, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the text is not usable YAML: %v", r)
		}
	}()
	return yaml.Unmarshal(data, into)
}

// YAML renders the list as Patch Manager reads it.
func (l *InstallOverrideList) YAML() []byte {
	var b strings.Builder
	b.WriteString("patches:")
	if len(l.Patches) == 0 {
		b.WriteString(" []")
	}
	b.WriteByte('\n')
	for _, p := range l.Patches {
		fmt.Fprintf(&b, "  - id: %s\n", yamlString(p.ID))
		if p.Title != "" {
			fmt.Fprintf(&b, "    title: %s\n", yamlString(p.Title))
		}
	}
	return []byte(b.String())
}

// yamlString quotes by YAML's single-quoted style, which knows one escape.
func yamlString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// target is what an override list wants for one installed package.
type target struct {
	*candidate
	level   int    // the baseline's compliance level of that version; -1 if not approved
	refused string // why it is not in the install set
	newer   bool   // than the installed version
}

// overrideEntry is a compiled OverridePatch.
type overrideEntry struct {
	id, title patternList
	titled    bool
}

func compileOverride(os OperatingSystem, l *InstallOverrideList) []overrideEntry {
	out := make([]overrideEntry, len(l.Patches))
	for i, p := range l.Patches {
		out[i] = overrideEntry{
			id:     compileList(os, []string{p.ID}, false),
			title:  compileList(os, []string{p.Title}, false),
			titled: p.Title != "",
		}
	}
	return out
}

func (e *overrideEntry) matches(p *Package) bool {
	return e.names(p) && e.fits(p)
}

func (e *overrideEntry) names(p *Package) bool { return e.id.matchPackage(p, nil) >= 0 }

func (e *overrideEntry) fits(p *Package) bool {
	return !e.titled || e.title.matchPackage(p, nil) >= 0
}

// overrideTargets finds for every installed package the highest matching version
// that is not older (§6.5), approved or not, rejected or not, and refuses those
// whose dependencies the list or BLOCK forbids.
func (p *pass) overrideTargets(l *InstallOverrideList) map[packageKey]*target {
	entries := compileOverride(p.compiled.os, l)
	out := map[packageKey]*target{}
	for _, inst := range p.distinctInstalled() {
		k := p.key(&inst.Package)
		g := p.groupOf(k)
		if g == nil {
			continue
		}
		if t := p.overrideTarget(inst, g, entries); t != nil {
			out[k] = t
		}
	}
	return out
}

func (p *pass) overrideTarget(inst *Installed, g *group, entries []overrideEntry) *target {
	var t *target
	for i := len(g.candidates) - 1; i >= 0; i-- {
		k := &g.candidates[i]
		d := comparePackages(p.compiled.world, &k.pkg.Package, &inst.Package)
		if d < 0 || (t != nil && comparePackages(p.compiled.world, &k.pkg.Package, &t.pkg.Package) != 0) {
			break
		}
		if t == nil {
			if !p.offered(k) || !slices.ContainsFunc(entries, func(e overrideEntry) bool { return e.matches(&k.pkg.Package) }) {
				continue
			}
			t = &target{candidate: k, level: -1, newer: d > 0, refused: p.overrideRefuses(k.pkg, entries)}
			if inst.Held && d > 0 {
				t.refused = "held"
			}
		}
		if v := p.judge(k); v.ok && int(v.level) > t.level {
			t.level = int(v.level)
		}
	}
	return t
}

// overrideRefuses is the dependency check of §6.5: a needed dependency that some
// id names must satisfy that entry's title; under BLOCK a rejected dependency
// refuses the update unless the list itself asks for that dependency.
func (p *pass) overrideRefuses(k *AvailablePackage, entries []overrideEntry) string {
	c := p.compiled
	for i := range k.Requires {
		need := &k.Requires[i]
		if p.satisfied(need) {
			continue
		}
		named, fits := false, false
		for j := range entries {
			if entries[j].names(need) {
				named = true
				fits = fits || entries[j].fits(need)
			}
		}
		if named && !fits {
			return fmt.Sprintf("needs %s, which the override list wants in another version", Title(c.os, *need))
		}
		if !named && c.block && c.rejected.matchPackage(need, &p.buf) >= 0 {
			return fmt.Sprintf("needs %s, which RejectedPatches blocks", Title(c.os, *need))
		}
	}
	return ""
}

// targetList is the install set of an override list (§3.1).
func targetList(targets map[packageKey]*target) []string {
	var out []string
	for k, t := range targets {
		if t.newer && t.refused == "" {
			id := k.name
			if k.arch != "" {
				id += "." + k.arch
			}
			out = append(out, id+"="+t.version())
		}
	}
	slices.Sort(out)
	return out
}

func (k *candidate) version() string {
	if k.pkg.Release == "" {
		return k.pkg.Version
	}
	return epochOf(k.pkg.Epoch) + ":" + k.pkg.Version + "-" + k.pkg.Release
}
