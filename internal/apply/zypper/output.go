package zypper

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// output is what zypper said with --xmlout.
type output struct {
	errs       []string // messages of type error
	problems   []string // what the solver could not do, one for each problem
	license    bool     // asked for agreement to a licence
	summary    bool     // there was a summary of an installation
	simulation apply.Simulation
	unread     error // where the stream stopped being readable
}

// trouble is what keeps a zypper that ended well from counting as done: errors that
// it named all the same, or an output that cannot be read.
func (o *output) trouble() error {
	switch {
	case len(o.errs) > 0:
		return errors.New("zypper: " + o.complaint())
	case o.unread != nil:
		return fmt.Errorf("read what zypper says: %w", o.unread)
	}
	return nil
}

// complaint is what zypper said of a failure, on one line.
func (o *output) complaint() string {
	said := o.problems
	if len(said) == 0 {
		said = o.errs
	}
	return oneLine(strings.Join(said, "; "))
}

// parseOutput reads the XML stream of zypper. Text between the elements, such as
// what packages' scripts print, is passed over.
func parseOutput(out []byte) *output {
	o := &output{}
	o.unread = o.read(xml.NewDecoder(bytes.NewReader(bytes.Map(printable, bytes.ToValidUTF8(out, []byte("?"))))))
	return o
}

// agreement is the message with which zypper shows a licence before it asks.
var agreement = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^In order to install '([^']+)'.* license agreement`) })

// printable replaces what XML forbids: zypper passes on the colours that a package's
// script prints.
func printable(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return '?'
	}
	return r
}

func (o *output) read(d *xml.Decoder) error {
	seen := map[record.Change]bool{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "message":
			var m struct {
				Type string `xml:"type,attr"`
				Text string `xml:",chardata"`
			}
			err = d.DecodeElement(&m, &e)
			if m.Type == "error" {
				o.errs = append(o.errs, oneLine(m.Text))
			}
			if who := agreement().FindStringSubmatch(m.Text); who != nil {
				o.license = true
				o.problems = append(o.problems, "the licence of "+who[1])
			}
		case "prompt":
			err = o.prompt(d, e)
		case "install-summary":
			o.summary = true
			err = o.readSummary(d, seen)
		}
		if err != nil {
			return err
		}
	}
}

// prompt reads a question that zypper answered by its default. A question that
// describes a problem lists the solver's ways out, none of which is taken.
func (o *output) prompt(d *xml.Decoder, e xml.StartElement) error {
	var p struct {
		Description string `xml:"description"`
		Text        string `xml:"text"`
	}
	if err := d.DecodeElement(&p, &e); err != nil {
		return err
	}
	if strings.Contains(strings.ToLower(p.Text), "license") {
		o.license = true
	}
	if i := strings.Index(p.Description, "Problem: "); i >= 0 {
		problem, _, _ := strings.Cut(p.Description[i+len("Problem: "):], "\n Solution ")
		o.problems = append(o.problems, oneLine(problem))
	}
	return nil
}

// readSummary reads the lists of an install-summary. A list of an unknown kind is an
// error, because an unread removal would go unnoticed.
func (o *output) readSummary(d *xml.Decoder, seen map[record.Change]bool) error {
	list := ""
	for {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("the summary ends early: %w", err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			if list == "" {
				return nil
			}
			list = ""
		case xml.StartElement:
			if list == "" {
				list = e.Name.Local
				continue
			}
			if e.Name.Local != "solvable" {
				return fmt.Errorf("the summary's list %s holds a %q", list, e.Name.Local)
			}
			if err := o.solvable(list, e, seen); err != nil {
				return err
			}
			if err := d.Skip(); err != nil {
				return err
			}
		}
	}
}

// solvable takes in one line of the summary. Patches, patterns and products are not
// installed themselves: the packages behind them are listed too.
func (o *output) solvable(list string, e xml.StartElement, seen map[record.Change]bool) error {
	a := map[string]string{}
	for _, x := range e.Attr {
		a[x.Name.Local] = x.Value
	}
	if a["type"] != "package" {
		return nil
	}
	name, arch, edition := a["name"], a["arch"], full(a["edition"])
	if name == "" || arch == "" || edition == "" {
		return fmt.Errorf("a package of the summary's list %s lacks its name, architecture or version", list)
	}
	c := record.Change{Name: name, Arch: arch, From: full(a["edition-old"]), To: edition}
	switch list {
	case "_unsupported": // said of packages that are listed elsewhere
		return nil
	case "to-remove":
		o.simulation.Remove = append(o.simulation.Remove, record.Change{Name: name, Arch: arch, From: edition})
		return nil
	case "to-install", "to-upgrade", "to-downgrade", "to-reinstall", "to-change-vendor":
	case "to-change-arch":
		if old := a["arch-old"]; old != "" && old != arch {
			// By name and architecture one package goes and another comes.
			o.simulation.Remove = append(o.simulation.Remove, record.Change{Name: name, Arch: old, From: c.From})
			c.From = ""
		}
	default:
		return fmt.Errorf("the summary has a list of an unknown kind: %q", list)
	}
	if !seen[c] { // an upgrade may be listed as a change of vendor too
		seen[c] = true
		o.simulation.Install = append(o.simulation.Install, c)
	}
	return nil
}

// full writes zypper's edition as versions are written elsewhere, with the epoch.
func full(edition string) string {
	if edition == "" {
		return ""
	}
	return baseline.FullVersion(baseline.Suse, baseline.ParsePackage(baseline.Suse, "", "", edition))
}

// oneLine is text without line breaks, cut where it gets long.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 2000 {
		text = strings.ToValidUTF8(text[:2000], "") + " …"
	}
	return text
}
