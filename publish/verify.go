package publish

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// How a pointer was found by Verify.
const (
	Correct     = "Correct"
	Incorrect   = "Incorrect"
	Missing     = "Missing"
	Unreachable = "Unreachable"
)

// Expected is a place to verify.
type Expected struct {
	Place
	// Image is what it should hold; empty: what the newest version of the channel in
	// any of the places was published from.
	Image string
}

// Finding is what Verify says of a place.
type Finding struct {
	Place
	State    string   `json:"state"`              // Correct, Incorrect, Missing, Unreachable
	Expected string   `json:"expected,omitempty"` // image
	Actual   string   `json:"actual,omitempty"`
	Version  int64    `json:"version,omitempty"`
	Build    string   `json:"build,omitempty"`
	Why      []string `json:"why,omitempty"` // what is not as it should be
}

// found is a place that was read.
type found struct {
	Expected
	ports   Ports
	history []Parameter
	err     error
}

// Verify reads every place and compares it with what is expected, with what stands in
// the other places, and with its own history, builds entry, labels and envelope. It
// changes nothing. What cannot be read is a finding, not an error.
func (s *Stage) Verify(ctx context.Context, all []Expected) ([]Finding, error) {
	read := make([]found, len(all))
	top, build := map[string]rank{}, map[string]string{} // by the channel's last name
	for i, x := range all {
		f := &read[i]
		f.Expected = x
		if f.ports, f.err = s.open(ctx, x.Cell); f.err == nil {
			f.history, f.err = historyOf(ctx, f.ports, x.Cell, x.Channel)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := path.Base(x.Channel)
		for _, p := range standing(f.history) {
			if e, ok := ParseEnvelope(p.Description); ok && (build[name] == "" || e.rank().compare(top[name]) > 0) {
				top[name], build[name] = e.rank(), e.BuildID()
			}
		}
	}
	out := make([]Finding, 0, len(all))
	for _, f := range read {
		out = append(out, f.judge(ctx, build[path.Base(f.Channel)]))
	}
	return out, ctx.Err()
}

func (f *found) judge(ctx context.Context, build string) Finding {
	out := Finding{Place: f.Place, State: Correct, Expected: f.Image, Build: build}
	bad := func(format string, args ...any) {
		out.State = Incorrect
		out.Why = append(out.Why, fmt.Sprintf(format, args...))
	}
	unread := func(err error) Finding {
		out.State, out.Why = Unreachable, append(out.Why, err.Error())
		return out
	}
	if f.err != nil {
		return unread(f.err)
	}
	now := last(f.history)
	out.Actual, out.Version = now.Value, now.Version
	entry := ""
	if build != "" {
		name := path.Join(path.Dir(f.Channel), "builds", build)
		p, err := f.ports.Parameters.Get(ctx, name)
		switch {
		case err != nil && fault.KindOf(err) != fault.NotFound:
			return unread(err)
		case err != nil:
			bad("%s does not exist", name)
		default:
			entry = p.Value
		}
	}
	if out.Expected == "" {
		out.Expected = entry
	}
	if now.Version == 0 {
		out.State = Missing
		return out
	}
	if out.Expected != "" && now.Value != out.Expected {
		bad("it holds %s, not %s", now.Value, out.Expected)
	}
	if err := f.state(ctx, now, bad); err != nil {
		return unread(err)
	}
	return out
}

// state looks at what stands around the newest version.
func (f *found) state(ctx context.Context, now Parameter, bad func(string, ...any)) error {
	e, ours := ParseEnvelope(now.Description)
	if byHand(now) {
		bad("version %d was not written by this program", now.Version)
	}
	for _, p := range standing(f.history) {
		o, ok := ParseEnvelope(p.Description)
		if ok && ours && p.Version < now.Version && p.Value != now.Value && o.rank().compare(e.rank()) > 0 && e.Back == "" {
			bad("version %d holds the older image over %s of version %d", now.Version, p.Value, p.Version)
		}
	}
	if now.Type != "" && now.Type != typeString {
		bad("it is a parameter of type %s, not %s", now.Type, typeString)
	}
	if now.DataType != DataTypeImage {
		bad("its data type is %s, not %s: AWS does not check what is written there", orNone(now.DataType), DataTypeImage)
	}
	if Withdrawn(now) {
		bad("version %d was taken back by a roll, and nothing preceded it: it is not rolled again; publish another image", now.Version)
	}
	if Revoked(now) {
		bad("version %d is labelled as revoked", now.Version)
	}
	image, err := f.ports.Images.Image(ctx, now.Value)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		bad("image %s is not there: it was deregistered, or is not shared with this account", now.Value)
	case err != nil:
		return err
	case image.State != "available":
		bad("image %s is %s", now.Value, image.State)
	case image.Tags[TagRevoked] != "":
		bad("image %s was revoked at %s", now.Value, image.Tags[TagRevoked])
	}
	if at := labelled(f.history, LabelCurrent); at != now.Version {
		bad("label %s is on version %d, the newest is %d", LabelCurrent, at, now.Version)
	}
	if at, want := labelled(f.history, LabelPrevious), previous(f.history).Version; at != want {
		bad("label %s is on version %d, a rollback goes to %d", LabelPrevious, at, want)
	}
	want, ok := envelopeOf(now)
	if !ok {
		return nil
	}
	have, err := f.ports.Parameters.Get(ctx, EnvelopeName(f.Channel))
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		bad("%s does not exist", EnvelopeName(f.Channel))
	case err != nil:
		return err
	case have.Value != want:
		bad("%s is of another version", EnvelopeName(f.Channel))
	}
	return nil
}

// Verified is nil if every place is Correct; else Partial if some are, and Failed if
// none is.
func Verified(all []Finding) error {
	count := map[string]int{}
	for _, f := range all {
		count[f.State]++
	}
	if count[Correct] == len(all) {
		return nil
	}
	kind := fault.Partial
	if count[Correct] == 0 {
		kind = fault.Failed
	}
	var parts []string
	for _, s := range [...]string{Correct, Incorrect, Missing, Unreachable} {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	var next []string
	if count[Incorrect]+count[Missing] > 0 {
		next = append(next, "resume the run that publishes, publish or promote again, or roll back; what was withdrawn wants a new image")
	}
	if count[Unreachable] > 0 {
		next = append(next, "give the role what it lacks (`rehydrate doctor` tries every account), then verify again")
	}
	return fault.New(kind, strings.Join(next, "; "), "verify: of %d pointers %s", len(all), strings.Join(parts, ", "))
}
