package revoke

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// Text is the plan for people.
func (p *Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "revoke %s: %s\n", p.Input.Image, p.Input.Reason)
	for _, m := range p.Images {
		fmt.Fprintf(&b, "  image     %s in %s (%s): %s\n", m.Image, m.Cell, m.Via, m.fate())
		for _, u := range m.Blocks {
			fmt.Fprintf(&b, "            would break: %s\n", u)
		}
	}
	for _, l := range p.Labels {
		fmt.Fprintf(&b, "  label     version %d of %s in %s: %s\n", l.Version, l.Channel, l.Cell, l.Label)
	}
	for _, m := range p.Moves {
		fmt.Fprintf(&b, "  channel   %s in %s: %s (version %d) back to %s (of version %d)\n", m.Channel, m.Cell, m.From, m.Version, m.To, m.ToVersion)
	}
	drainText(&b, p.Drain, p.Input.By)
	for _, l := range []struct {
		mark string
		all  []string
	}{{"refused", p.Refused}, {"unknown", p.Unknown}, {"note", p.Notes}} {
		for _, text := range l.all {
			fmt.Fprintf(&b, "  %-9s %s\n", l.mark, text)
		}
	}
	switch {
	case !p.Nothing() || len(p.Refused) > 0:
	case len(p.Blocked()) > 0:
		b.WriteString("  nothing more to do before what is listed has gone\n")
	default:
		b.WriteString("  nothing to do: it is revoked already\n")
	}
	return b.String()
}

// fate is what happens to a member, in words.
func (m Member) fate() string {
	var what []string
	switch {
	case !m.Ours:
		return "left alone, it is not ours"
	case m.Mark:
		what = append(what, "marked")
	}
	switch {
	case m.Disable:
		what = append(what, "disabled")
	case m.State == usage.StateAvailable:
		what = append(what, "not disabled yet")
	default:
		what = append(what, "it is "+m.State)
	}
	return strings.Join(what, ", ")
}

func drainText(w io.Writer, all []Drain, by time.Time) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "  drain by %s:\n", by.UTC().Format("2006-01-02 15:04 MST"))
	for _, d := range all {
		mark := ""
		if d.Launches {
			mark = " (it still launches it)"
		}
		fmt.Fprintf(w, "    %s: %s%s\n", d.Cell, d.Do, mark)
	}
}

// Text is the result for people.
func (r *Result) Text(by time.Time) string {
	var b strings.Builder
	done := "revoked"
	if len(r.Refused) > 0 {
		done = "nothing is done about"
	}
	fmt.Fprintf(&b, "%s %s\n", done, r.Image)
	for _, l := range []struct {
		mark string
		all  []string
	}{{"refused", r.Refused}, {"done", r.Done}, {"kept", r.Kept}, {"failed", r.Failed}} {
		for _, text := range l.all {
			fmt.Fprintf(&b, "  %-9s %s\n", l.mark, text)
		}
	}
	drainText(&b, r.Drain, by)
	return b.String()
}
