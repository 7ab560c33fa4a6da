package spread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	// copyLimit is how long a copy may take without a completion time; slow is no
	// failure within it. With one it has twice that, but an hour at least.
	copyLimit = 6 * time.Hour
	// A copy is looked at often in its first minutes, then less.
	lookFirst, lookLast = 15 * time.Second, time.Minute
	// appearLimit is how long a copy may be asked for before it is listed.
	appearLimit = 5 * time.Minute
	// attempts of one copy.
	attempts = 2
)

// placeState is a PlaceUnit's whole memory.
type placeState struct {
	Step    placeStep  `json:"step,omitempty"`
	Image   string     `json:"image,omitempty"`
	Disks   []Disk     `json:"disks,omitempty"`
	Adopted bool       `json:"adopted,omitempty"` // it was there before this unit
	Attempt int        `json:"attempt,omitempty"` // copies that failed
	Since   time.Time  `json:"since,omitzero"`    // the copy was asked for
	Looks   int        `json:"looks,omitempty"`
	Outcome string     `json:"outcome,omitempty"`
	Kind    fault.Kind `json:"kind,omitempty"`
	Text    string     `json:"text,omitempty"`
}

type placeStep string

const (
	placeFind   placeStep = ""
	placeCopy   placeStep = "copy"
	placeWait   placeStep = "wait"
	placeRemove placeStep = "remove"
	placeShare  placeStep = "share"
	placeOpen   placeStep = "open-snapshots"
)

// PlaceUnit brings the image of one place of the plan to where it belongs: finds it by
// its name or copies it, waits until it is available, and shares it and its snapshots.
func (s *Stage) PlaceUnit(p Place) unit.Unit {
	return unit.Func("spread.place", placer{s, p}.advance)
}

// PlaceResult reads the unit's final state; the error is of an image that is not there.
func PlaceResult(p Place, raw json.RawMessage) (record.Placed, error) {
	var st placeState
	out := record.Placed{Account: p.In.Account, Region: p.In.Region, Name: p.Name, Key: p.Key}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &st); err != nil {
			return out, fmt.Errorf("read the state of image %s in %s: %w", p.Name, p.In, err)
		}
	}
	out.Image, out.Adopted, out.Outcome, out.Text = st.Image, st.Adopted, st.Outcome, st.Text
	switch st.Outcome {
	case "done":
		return out, nil
	case "":
		out.Outcome = "unfinished"
		return out, fault.New(fault.Failed, "", "image %s in %s is unfinished", p.Name, p.In)
	}
	return out, fault.New(st.Kind, "", "%s", st.Text)
}

type placer struct {
	*Stage
	p Place
}

func (u placer) advance(ctx context.Context, st *placeState) (unit.Next, error) {
	ports, err := u.open(ctx, u.p.In)
	if err != nil {
		return unit.Next{}, err
	}
	switch st.Step {
	case placeFind:
		return u.find(ctx, ports, st)
	case placeCopy:
		return u.copy(ctx, ports, st)
	case placeWait:
		return u.wait(ctx, ports, st)
	case placeRemove:
		return u.remove(ctx, ports, st)
	case placeShare:
		return u.share(ctx, ports, st)
	case placeOpen:
		return u.openSnapshots(ctx, ports, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "spread: unknown step %q in the saved state", st.Step)
}

// find looks for the image by its natural key.
func (u placer) find(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	if u.p.Image != "" {
		st.Image, st.Adopted, st.Step, st.Since = u.p.Image, true, placeWait, u.Clock.Now()
		return unit.Again(0), nil
	}
	have, err := ports.Images.Named(ctx, u.p.Name)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		st.Step = placeCopy
		return unit.Again(0), nil
	case err != nil:
		return unit.Next{}, fmt.Errorf("look for image %s in %s: %w", u.p.Name, u.p.In, err)
	case have.Tags[TagOf] != u.p.Of:
		err := u.p.foreign(have)
		return st.end("refused", fault.KindOf(err), "%s", err), nil
	}
	st.Image, st.Adopted, st.Step, st.Since = have.ID, true, placeWait, u.Clock.Now()
	u.say(event.Found, "%s has %s, a copy of %s", u.p.In, have.ID, u.p.Of)
	return unit.Again(0), nil
}

// copy asks for the copy. Its token follows from what is copied, so that a repeated
// request makes no second one.
func (u placer) copy(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	id, err := ports.Images.Copy(ctx, NewCopy{Image: u.p.From.Image, Region: u.p.From.Region, Name: u.p.Name,
		Description: "copy of " + u.p.From.Image + " in " + u.p.From.Region, Key: u.p.Key, Encrypted: u.p.Key != "",
		Completion: u.p.Completion, Token: u.token(st.Attempt), Tags: u.p.Tags})
	switch {
	case err != nil && fault.KindOf(err) == fault.Conflict && st.Looks < 10:
		// The name is taken: by a copy that was asked for and not recorded, or not listed
		// a moment ago.
		st.Step = placeFind
		st.Looks++
		return unit.Again(lookFirst), nil
	case err != nil:
		return unit.Next{}, fmt.Errorf("copy image %s to %s: %w", u.p.From.Image, u.p.In, err)
	}
	st.Image, st.Adopted, st.Step, st.Since, st.Looks = id, false, placeWait, u.Clock.Now(), 0
	u.say(event.Changed, "copying %s to %s as %s", u.p.From.Image, u.p.In, id)
	return unit.Again(lookFirst), nil
}

func (u placer) token(attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%d|%s|%s|%s|%d", u.p.Run, u.p.Try, u.p.In, u.p.From.Image, u.p.Name, attempt))
	return "rehydrate-" + hex.EncodeToString(sum[:16])
}

// wait waits until the image is available, within a bound.
func (u placer) wait(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	waited := u.Clock.Now().Sub(st.Since)
	image, err := ports.Images.Image(ctx, st.Image)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return unit.Next{}, fmt.Errorf("look at image %s in %s: %w", st.Image, u.p.In, err)
	}
	switch {
	case err != nil && waited < appearLimit && !st.Adopted:
		return unit.Again(lookFirst), nil // not listed yet
	case err != nil:
		return st.end("gone", fault.NotFound, "image %s in %s is gone: somebody else has removed it", st.Image, u.p.In), nil
	case image.State == "available":
		st.Disks, st.Step, st.Looks = image.Disks, placeShare, 0
		if u.p.Image == "" {
			u.say(event.Found, "%s is available in %s", st.Image, u.p.In)
		}
		return unit.Again(0), nil
	case image.State == disabled && u.p.Image == "":
		return st.end("unusable", fault.Conflict, "%s", u.p.disabled(st.Image)), nil
	case image.State != "pending":
		if u.p.Image != "" {
			return st.end("unusable", fault.Conflict, "image %s in %s is %s", st.Image, u.p.In, image.State), nil
		}
		why := image.State
		if image.Reason != "" {
			why += ": " + image.Reason
		}
		return u.failing(st, why), nil
	case waited > u.limit():
		return u.failing(st, fmt.Sprintf("still pending after %s", waited.Round(time.Minute))), nil
	}
	return unit.Again(min(max(waited/8, lookFirst), lookLast)), nil
}

func (u placer) limit() time.Duration {
	if u.p.Completion > 0 {
		return max(2*u.p.Completion, time.Hour)
	}
	return copyLimit
}

// failing goes on to remove what has become of the copy.
func (u placer) failing(st *placeState, why string) unit.Next {
	st.Text = fmt.Sprintf("copy %s to %s: image %s is %s", u.p.From.Image, u.p.In, st.Image, why)
	st.Step = placeRemove
	u.say(event.Warned, "%s", st.Text)
	return unit.Again(0)
}

// remove removes a copy that failed, and tries once more or gives up.
func (u placer) remove(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	image, err := ports.Images.Image(ctx, st.Image)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		st.Attempt++
		if st.Attempt < attempts {
			st.Step, st.Image, st.Looks = placeCopy, "", 0
			return unit.Again(lookLast), nil
		}
		text := st.Text + "; it was removed"
		st.Image = ""
		return st.end("failed", fault.Failed, "%s", text), nil
	case err != nil:
		return unit.Next{}, fmt.Errorf("look at image %s in %s: %w", st.Image, u.p.In, err)
	case image.Tags[TagOf] != u.p.Of: // never another's
		return st.end("failed", fault.Failed, "%s; it is left where it is, for it has not our tags", st.Text), nil
	}
	if err := ports.Images.Remove(ctx, st.Image); err != nil && fault.KindOf(err) != fault.NotFound {
		return unit.Next{}, fmt.Errorf("remove the failed copy %s in %s: %w", st.Image, u.p.In, err)
	}
	u.say(event.Changed, "removed the failed copy %s in %s", st.Image, u.p.In)
	return unit.Again(0), nil
}

// share adds the launch permissions that are missing.
func (u placer) share(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	st.Step = placeOpen
	if u.p.With.empty() {
		return unit.Again(0), nil
	}
	have, err := ports.Sharing.Audience(ctx, st.Image)
	if err != nil {
		return unit.Next{}, fmt.Errorf("read who may launch image %s in %s: %w", st.Image, u.p.In, err)
	}
	missing := u.p.With.without(have)
	if missing.empty() {
		return unit.Again(0), nil
	}
	if err := ports.Sharing.Share(ctx, st.Image, missing); err != nil {
		return unit.Next{}, fmt.Errorf("share image %s in %s with %s: %w", st.Image, u.p.In, missing, err)
	}
	u.say(event.Changed, "shared %s in %s with %s", st.Image, u.p.In, missing)
	return unit.Again(0), nil
}

// openSnapshots lets the readers copy the snapshots, one at a time.
func (u placer) openSnapshots(ctx context.Context, ports Ports, st *placeState) (unit.Next, error) {
	for _, d := range st.Disks {
		if len(u.p.Readers) == 0 {
			break
		}
		have, err := ports.Sharing.Readers(ctx, d.Snapshot)
		if err != nil {
			return unit.Next{}, fmt.Errorf("read who may use snapshot %s in %s: %w", d.Snapshot, u.p.In, err)
		}
		missing := less(u.p.Readers, have)
		if len(missing) == 0 {
			continue
		}
		if err := ports.Sharing.Open(ctx, d.Snapshot, missing); err != nil {
			return unit.Next{}, fmt.Errorf("share snapshot %s in %s: %w", d.Snapshot, u.p.In, err)
		}
		st.Looks++ // so that the journal shows it
		return unit.Again(0), nil
	}
	st.Looks = 0
	return st.end("done", 0, ""), nil
}

func (st *placeState) end(outcome string, kind fault.Kind, format string, args ...any) unit.Next {
	st.Outcome, st.Kind, st.Text = outcome, kind, fmt.Sprintf(format, args...)
	return unit.Done()
}

func (a Audience) empty() bool { return len(a.Accounts)+len(a.Organizations)+len(a.Units) == 0 }

func (a Audience) without(b Audience) Audience {
	return Audience{less(a.Accounts, b.Accounts), less(a.Organizations, b.Organizations), less(a.Units, b.Units)}
}

// String lists everybody.
func (a Audience) String() string {
	return listed(slices.Concat(a.Accounts, a.Organizations, a.Units))
}

// less is a without what is in b.
func less(a, b []string) []string {
	var out []string
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}
