package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// readPins remarks on every pin of apt_preferences(5). Patch Manager does not honour
// pins and neither does the evaluation (specification §2); people should know.
func readPins(root fs.FS) ([]string, error) {
	files := []string{"etc/apt/preferences"}
	more, err := parts(root, "etc/apt/preferences.d", "", ".pref")
	if err != nil {
		return nil, fmt.Errorf("read apt preferences: %w", err)
	}
	files = append(files, more...)
	var findings []string
	for _, name := range files {
		text, err := readSmall(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read apt preferences: %w", err)
		}
		pins, err := parsePins(text)
		if err != nil {
			return nil, fmt.Errorf("read apt preferences from /%s: %w", name, err)
		}
		for _, p := range pins {
			findings = append(findings, p+" (/"+name+")")
		}
	}
	return findings, nil
}

func parsePins(text []byte) ([]string, error) {
	var findings []string
	paragraphs := newStanzas(bytes.NewReader(uncommented(text)))
	for {
		stanza, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			return findings, nil
		}
		if err != nil {
			return nil, err
		}
		p, err := paragraph(stanza)
		if err != nil {
			return nil, err
		}
		if len(p) == 0 || p["package"] == "" && p["pin"] == "" {
			continue
		}
		findings = append(findings, fmt.Sprintf("pin not honoured, as in Patch Manager: package %s, %s, priority %s",
			strings.ReplaceAll(p["package"], "\n", " "), p["pin"], p["pin-priority"]))
	}
}
