// Package junit writes a scan as a JUnit test report: one case for every package
// that was judged, so that a CI server shows which one fails.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []*suite `xml:"testsuite"`
}

type suite struct {
	Name       string     `xml:"name,attr"`
	Tests      int        `xml:"tests,attr"`
	Failures   int        `xml:"failures,attr"`
	Errors     int        `xml:"errors,attr"`
	Skipped    int        `xml:"skipped,attr"`
	Time       string     `xml:"time,attr"`
	Timestamp  string     `xml:"timestamp,attr"`
	Properties []property `xml:"properties>property,omitempty"`
	Cases      []testcase `xml:"testcase"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Failure *problem `xml:"failure,omitempty"`
	Error   *problem `xml:"error,omitempty"`
	Skipped *problem `xml:"skipped,omitempty"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
}

// Write writes the scan: a suite for the reading, one for the baseline and one for
// the lock. An unknown target is an error in the first. Without a baseline a pending
// update is a skipped case: nobody said that it must be there.
func Write(w io.Writer, s *record.Scan) error {
	all := suites{Name: "rehydrate scan " + s.Target, Time: seconds(s.Read.MS)}
	for _, x := range []*suite{reading(s), byBaseline(s), byLock(s), updates(s)} {
		if x == nil {
			continue
		}
		x.Timestamp, x.Time = s.ScannedAt.UTC().Format("2006-01-02T15:04:05"), "0.000"
		if x.Name == "reading" {
			x.Time = all.Time
		}
		x.count()
		all.Tests, all.Failures, all.Errors = all.Tests+x.Tests, all.Failures+x.Failures, all.Errors+x.Errors
		all.Suites = append(all.Suites, x)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (x *suite) count() {
	x.Tests = len(x.Cases)
	for _, c := range x.Cases {
		switch {
		case c.Failure != nil:
			x.Failures++
		case c.Error != nil:
			x.Errors++
		case c.Skipped != nil:
			x.Skipped++
		}
	}
}

func reading(s *record.Scan) *suite {
	c := testcase{Name: fmt.Sprintf("%s is read: %d packages", s.Target, len(s.Inventory.Installed)), Class: "reading"}
	if s.Standing == record.StandsUnknown {
		c.Error = &problem{Message: s.Reason, Type: record.StandsUnknown}
	}
	x := &suite{Name: "reading", Cases: []testcase{c}}
	for _, p := range []property{{"target", s.Target}, {"kind", s.Kind}, {"product", s.Inventory.Product}, {"standing", s.Standing},
		{"bytes read", fmt.Sprint(s.Read.Bytes)}, {"blocks read", fmt.Sprint(s.Read.Blocks)}, {"modelled", strings.Join(s.Modelled, "; ")}} {
		if p.Value != "" {
			x.Properties = append(x.Properties, p)
		}
	}
	return x
}

func byBaseline(s *record.Scan) *suite {
	if s.Evaluation == nil {
		return nil
	}
	x := &suite{Name: "baseline"}
	if s.Baseline != nil {
		x.Name = "baseline " + s.Baseline.Name
	}
	for _, i := range s.Evaluation.Items {
		c := testcase{Name: i.ID, Class: "baseline"}
		switch i.State {
		case baseline.StateInstalled, baseline.StateInstalledOther:
		case baseline.StateNotApplicable:
			c.Skipped = &problem{Message: "not applicable"}
		case baseline.StateAvailableSecurityUpdate:
			if s.Evaluation.Status == baseline.Compliant {
				c.Skipped = &problem{Message: stateText(i), Type: string(i.State)}
				break
			}
			c.Failure = &problem{Message: stateText(i), Type: string(i.State)}
		default:
			c.Failure = &problem{Message: stateText(i), Type: string(i.State)}
		}
		x.Cases = append(x.Cases, c)
	}
	return x
}

func stateText(i baseline.Item) string {
	out := fmt.Sprintf("%s: installed %s", i.State, or(i.Installed, "none"))
	if i.Version != "" && i.Version != i.Installed {
		out += ", wanted " + i.Version
	}
	if i.Reason != "" {
		out += ": " + i.Reason
	}
	return out + fixes(i.CVEs)
}

func fixes(cves []string) string {
	if len(cves) == 0 {
		return ""
	}
	return "; CVEs the vendor says this update fixes: " + strings.Join(cves, ", ")
}

func byLock(s *record.Scan) *suite {
	if s.Lock == nil {
		return nil
	}
	x := &suite{Name: "lock"}
	for _, f := range s.Findings {
		c := testcase{Name: baseline.ItemID(s.Inventory.OS, f.Package), Class: "lock"}
		if f.Standing != baseline.StandingExact {
			c.Failure = &problem{Type: f.Standing, Message: fmt.Sprintf("%s: installed %s, the lock wants %s", f.Standing, or(f.Installed, "none"), baseline.FullVersion(s.Inventory.OS, f.Package))}
		}
		x.Cases = append(x.Cases, c)
	}
	return x
}

// updates are what is pending where no baseline said what must be there.
func updates(s *record.Scan) *suite {
	if s.Evaluation != nil || len(s.Updates) == 0 {
		return nil
	}
	x := &suite{Name: "updates"}
	for _, u := range s.Updates {
		x.Cases = append(x.Cases, testcase{Name: u.Name + "." + u.Arch, Class: "updates", Skipped: &problem{Type: "pending",
			Message: fmt.Sprintf("pending: installed %s, offered %s%s", u.Installed, u.Version, fixes(u.CVEs))}})
	}
	return x
}

func seconds(ms int64) string {
	return fmt.Sprintf("%.3f", (time.Duration(ms) * time.Millisecond).Seconds())
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
