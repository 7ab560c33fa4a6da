package spread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

const (
	// A permission takes a while until everybody sees it.
	seeEvery, seeLooks = 6 * time.Second, 20
	canaryEvery        = 15 * time.Second
	canaryLimit        = 10 * time.Minute
)

// checkState is a CheckUnit's whole memory.
type checkState struct {
	Step     checkStep  `json:"step,omitempty"`
	Looks    int        `json:"looks,omitempty"`
	Instance string     `json:"instance,omitempty"`
	Since    time.Time  `json:"since,omitzero"`
	Ran      bool       `json:"ran,omitempty"` // the canary came up
	Note     string     `json:"note,omitempty"`
	Outcome  string     `json:"outcome,omitempty"`
	Kind     fault.Kind `json:"kind,omitempty"`
	Text     string     `json:"text,omitempty"`
	Hint     string     `json:"hint,omitempty"`
}

type checkStep string

const (
	checkSee    checkStep = ""
	checkKeys   checkStep = "keys"
	checkDry    checkStep = "dry-run"
	checkLaunch checkStep = "launch"
	checkWatch  checkStep = "watch"
	checkEnd    checkStep = "terminate"
)

// CheckUnit looks at the image from inside the account that is to launch it, with that
// account's own role.
func (s *Stage) CheckUnit(c Check, image string) unit.Unit {
	return unit.Func("spread.check", checker{s, c, image}.advance)
}

// CheckResult reads the unit's final state; the error is of an image that could not be
// launched there.
func CheckResult(c Check, image string, raw json.RawMessage) (record.Seen, error) {
	var st checkState
	out := record.Seen{Account: c.Account, Region: c.Region, Image: image, Canary: c.Canary}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &st); err != nil {
			return out, fmt.Errorf("read the state of the check in %s: %w", c.Cell, err)
		}
	}
	out.Verified, out.Text = st.Outcome == "done", st.Text
	switch st.Outcome {
	case "done":
		out.Text = st.Note
		return out, nil
	case "":
		out.Text = "unfinished"
		return out, fault.New(fault.Failed, "", "the check of image %s in %s is unfinished", image, c.Cell)
	}
	return out, fault.New(st.Kind, st.Hint, "%s", st.Text)
}

type checker struct {
	*Stage
	c     Check
	image string
}

func (u checker) advance(ctx context.Context, st *checkState) (unit.Next, error) {
	ports, err := u.open(ctx, u.c.Cell)
	if err != nil {
		return unit.Next{}, err
	}
	switch st.Step {
	case checkSee:
		return u.see(ctx, ports, st)
	case checkKeys:
		return u.keys(ctx, ports, st)
	case checkDry:
		return u.dry(ctx, ports, st)
	case checkLaunch:
		return u.launch(ctx, ports, st)
	case checkWatch:
		return u.watch(ctx, ports, st)
	case checkEnd:
		return u.terminate(ctx, ports, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "spread: unknown step %q in the saved state", st.Step)
}

// see asks EC2 of the account for the image.
func (u checker) see(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	image, err := ports.Images.Image(ctx, u.image)
	switch {
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("look at image %s from %s: %w", u.image, u.c.Cell, err)
	case err != nil && st.Looks < seeLooks:
		st.Looks++
		return unit.Again(seeEvery), nil
	case err != nil:
		st.Hint = fmt.Sprintf("look who may launch it: aws ec2 describe-image-attribute --attribute launchPermission --region %s --image-id %s; the account must be named there, or be in an organization or unit that is", u.c.Region, u.image)
		return u.fail(st, fault.NotFound, "the account does not see it"), nil
	case image.State != "available":
		return u.fail(st, fault.Conflict, "it is %s there", image.State), nil
	case image.Blocked:
		st.Hint = fmt.Sprintf("have account %s allow images of %s in these settings", u.c.Account, image.Owner)
		return u.fail(st, fault.Denied, "the account's Allowed AMIs settings keep it from being launched"), nil
	case u.c.Arch != "" && image.Arch != u.c.Arch:
		return u.fail(st, fault.Conflict, "it is of architecture %s there, and was baked as %s", image.Arch, u.c.Arch), nil
	}
	st.Step, st.Looks = checkKeys, 0
	return unit.Again(0), nil
}

// keys asks every key from inside the account, and the key's own account once more.
func (u checker) keys(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	var needs []need
	asked := map[string]bool{}
	for _, n := range u.c.Needs {
		needs = append(needs, need{n.Key, n.Principal, n.Operations})
		if asked[n.Key] {
			continue
		}
		asked[n.Key] = true
		k, err := ports.Keys.Key(ctx, n.Key)
		switch kind := fault.KindOf(err); {
		case err != nil && (kind == fault.Denied || kind == fault.NotFound):
			if st.Looks < seeLooks {
				st.Looks++ // grants, too, take a while
				return unit.Again(seeEvery), nil
			}
			return u.fail(st, fault.Denied, "its key %s may not be used there: %s", n.Key, err), nil
		case err != nil:
			return unit.Next{}, fmt.Errorf("ask key %s from %s: %w", n.Key, u.c.Cell, err)
		case k.State != Enabled:
			return u.fail(st, fault.Conflict, "its key %s is %s", n.Key, k.State), nil
		}
	}
	lacks, _, err := u.lacking(ctx, needs)
	if err != nil {
		return unit.Next{}, err
	}
	if len(lacks) > 0 {
		if st.Looks < seeLooks {
			st.Looks++
			return unit.Again(seeEvery), nil
		}
		err := refused(u.image, lacks)
		return u.fail(st, fault.KindOf(err), "%s; %s", err, fault.HintOf(err)), nil
	}
	st.Step, st.Looks = checkDry, 0
	return unit.Again(0), nil
}

// dry asks whether EC2 would accept a launch.
func (u checker) dry(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	st.Step = checkLaunch
	if u.c.Type == "" {
		return unit.Again(0), nil
	}
	err := ports.Trial.DryRun(ctx, u.image, u.c.Type)
	if err == nil {
		return unit.Again(0), nil
	}
	switch kind := fault.KindOf(err); kind {
	case fault.Unsupported:
		st.Note = "EC2 did not say whether it would launch: " + err.Error()
		return unit.Again(0), nil
	case fault.Denied, fault.NotFound, fault.Conflict, fault.Failed:
		return u.fail(st, kind, "EC2 would not launch it: %s", err), nil
	}
	return unit.Next{}, fmt.Errorf("try to launch %s in %s: %w", u.image, u.c.Cell, err)
}

// launch starts the canary, which shows what no dry run does, such as a key that
// cannot be used.
func (u checker) launch(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	if !u.c.Canary {
		return u.done(st), nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "canary|%s|%s|%s", u.c.Run, u.c.Cell, u.image))
	id, err := ports.Trial.Launch(ctx, Canary{Image: u.image, Type: u.c.Type, Token: "rehydrate-" + hex.EncodeToString(sum[:16]),
		Tags: map[string]string{"Name": "rehydrate canary", TagOf: u.image, TagRun: u.c.Run}})
	if err != nil {
		return unit.Next{}, fmt.Errorf("launch a canary of %s in %s: %w", u.image, u.c.Cell, err)
	}
	st.Instance, st.Since, st.Step = id, u.Clock.Now(), checkWatch
	u.say(event.Changed, "launched the canary %s of %s in %s", id, u.image, u.c.Cell)
	return unit.Again(canaryEvery), nil
}

// watch waits until the canary runs or has ended.
func (u checker) watch(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	state, reason, err := ports.Trial.State(ctx, st.Instance)
	waited := u.Clock.Now().Sub(st.Since)
	switch {
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("look at the canary %s in %s: %w", st.Instance, u.c.Cell, err)
	case err == nil && state == "running":
		st.Ran = true
	case err == nil && ended(state):
		st.Text = "the canary " + st.Instance + " ended at once: " + orUnknown(reason)
	case waited < canaryLimit:
		return unit.Again(canaryEvery), nil
	default:
		st.Text = fmt.Sprintf("the canary %s did not run within %s", st.Instance, canaryLimit)
	}
	st.Step = checkEnd
	return unit.Again(0), nil
}

// terminate ends the canary, whatever came of it.
func (u checker) terminate(ctx context.Context, ports Ports, st *checkState) (unit.Next, error) {
	state, _, err := ports.Trial.State(ctx, st.Instance)
	switch {
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("look at the canary %s in %s: %w", st.Instance, u.c.Cell, err)
	case err == nil && !ended(state):
		if err := ports.Trial.Terminate(ctx, st.Instance); err != nil {
			return unit.Next{}, fmt.Errorf("end the canary %s in %s: %w", st.Instance, u.c.Cell, err)
		}
		return unit.Again(canaryEvery), nil
	case st.Ran:
		return u.done(st), nil
	}
	return u.fail(st, fault.Failed, "%s", st.Text), nil
}

func (u checker) done(st *checkState) unit.Next {
	st.Outcome = "done"
	u.say(event.Found, "%s sees %s and may launch it", u.c.Cell, u.image)
	return unit.Done()
}

func (u checker) fail(st *checkState, kind fault.Kind, format string, args ...any) unit.Next {
	st.Outcome, st.Kind = "incorrect", kind
	st.Text = fmt.Sprintf("image %s cannot be launched in %s: ", u.image, u.c.Cell) + fmt.Sprintf(format, args...)
	u.say(event.Warned, "%s", st.Text)
	return unit.Done()
}

func ended(state string) bool { return state == "terminated" || state == "shutting-down" }

func orUnknown(s string) string {
	if s == "" {
		return "EC2 does not say why"
	}
	return s
}

func listed(all []string) string { return strings.Join(all, ", ") }
