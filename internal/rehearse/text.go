package rehearse

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Formats are what Write takes.
var Formats = []string{"table", "json", "html"}

// Write renders a report.
func Write(w io.Writer, format string, r *Report) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	case "html":
		return writeHTML(w, r)
	case "table", "":
		return writeText(w, r)
	}
	return fault.New(fault.Usage, "", "unknown --output %q: one of %s", format, strings.Join(Formats, ", "))
}

// seconds is a span from seconds, in words.
func seconds(s float64) string { return short(time.Duration(s * float64(time.Second))) }

// listed is up to how many groups the table shows.
const listed = 20

func writeText(out io.Writer, r *Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "rehearsal of %s, modelled: %s in %s of virtual time (%.1f s here)\n", r.Line, r.Outcome, seconds(r.Seconds), r.WallSeconds)
	fmt.Fprintf(&b, "  fleet     %s: %d groups, %d instances\n", r.Source, len(r.Groups), r.groupsDesired())
	image := r.Image
	if r.StandIn {
		image += ", which stands for the next image"
	}
	fmt.Fprintf(&b, "  to        %s\n", image)
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "  fault     %s\n", f)
	}
	if r.Message != "" {
		fmt.Fprintf(&b, "  message   %s\n", r.Message)
	}
	for _, x := range r.Waits {
		fmt.Fprintf(&b, "  wait      at %s %s\n", seconds(x.From), x.words())
	}
	fmt.Fprintf(&b, "  capacity  %d of %d in service at the lowest (%.1f %%), %s into it\n", r.All.Lowest, r.All.Desired, r.All.LowestPercent(), seconds(r.All.LowestAt))
	fmt.Fprintf(&b, "  calls     %d, %.2f for each of %d replaced instances; %d throttled (%.2f %%)\n", r.Requests, r.PerInstance(), r.Replaced, r.Throttled, r.ThrottledPercent())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RING\tGROUPS\tFROM\tTO\tLOWEST\tFAILED")
	for _, x := range r.Rings {
		from, to := "-", "-"
		if x.Moved {
			from, to = seconds(x.From), seconds(x.To)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d of %d\t%d of %d allowed\n", x.Name, x.Groups, from, to, x.Lowest, x.Desired, x.Failed, x.Allowed)
	}
	fmt.Fprintln(w, "\nGROUP\tRING\tWHERE\tLOWEST\tMIN\tOUTCOME\t")
	for _, g := range r.Groups[:min(len(r.Groups), listed)] {
		fmt.Fprintf(w, "%s\t%s\t%s/%s\t%d of %d\t%d\t%s\t%s\n", g.Group, g.Ring, g.Account, g.Region, g.Lowest, g.Desired, g.Min, g.Outcome, g.why())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := len(r.Groups) - listed; n > 0 {
		fmt.Fprintf(&b, "and %d more groups with no less capacity\n", n)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	fmt.Fprintf(&b, "modelled: %s\n", r.Modelled)
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *Report) groupsDesired() (n int) {
	for _, g := range r.Groups {
		n += g.Desired
	}
	return n
}

// PerInstance is how many calls each replaced instance took.
func (r *Report) PerInstance() float64 {
	if r.Replaced == 0 {
		return 0
	}
	return float64(r.Requests) / float64(r.Replaced)
}

// ThrottledPercent is how many of the calls came too quickly.
func (r *Report) ThrottledPercent() float64 {
	if r.Requests == 0 {
		return 0
	}
	return 100 * float64(r.Throttled) / float64(r.Requests)
}

// why is a group's text where it did not end well.
func (g Result) why() string {
	if g.Outcome == rollout.Done || g.Outcome == rollout.NothingToDo {
		return ""
	}
	return g.Text
}

// Err is the outcome as an error, as the roll itself would end; nil when it went well.
func (r *Report) Err() error {
	kinds := map[string]fault.Kind{rollout.Halted: fault.Halted, rollout.RolledBack: fault.RolledBack, rollout.Partial: fault.Partial, "refused": fault.Conflict, GateSaysNo: fault.GateSaysNo}
	switch r.Outcome {
	case rollout.Done, rollout.NothingToDo:
		return nil
	}
	return fault.New(kinds[r.Outcome], "nothing real was touched", "the rehearsal ended %s: %s", r.Outcome, r.Message)
}
