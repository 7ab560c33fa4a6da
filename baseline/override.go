package baseline

import (
	"errors"
	"fmt"
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
