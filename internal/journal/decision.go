package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// approvals is where answers to approvals are: approvals/<unit>, beside the units, and
// each under the number of the record that asked.
const approvals = "approvals"

// Ask is an approval that a unit of the run waits for.
type Ask struct {
	Unit     string
	Seq      int // of the record that asks
	Approval string
	Decision *unit.Decision // nil: not yet answered
}

// Asks lists the approvals that units of the run wait for, by unit; answered ones
// stay in the list until the unit has gone on.
func (j *Journal) Asks(ctx context.Context) ([]Ask, error) {
	units, err := j.Units(ctx)
	if err != nil {
		return nil, err
	}
	var out []Ask
	for _, u := range units {
		if strings.HasPrefix(u, approvals+"/") {
			continue
		}
		records, err := j.Records(ctx, u)
		if err != nil {
			return nil, err
		}
		at := len(records) - 1
		for at >= 0 && records[at].Phase != After {
			at--
		}
		if at < 0 || records[at].Done || records[at].Approval == "" {
			continue
		}
		a := Ask{Unit: u, Seq: records[at].Seq, Approval: records[at].Approval}
		if a.Decision, err = j.Decision(ctx, u, a.Seq); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Decide records the answer to an ask, once for all.
func (j *Journal) Decide(ctx context.Context, a Ask, d unit.Decision) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode the answer to %s: %w", a.Unit, err)
	}
	err = j.store.Create(ctx, j.decisionKey(a.Unit, a.Seq), body)
	if !errors.Is(err, ErrExists) {
		if err != nil {
			return fmt.Errorf("record the answer to %s in run %s: %w", a.Unit, j.run, err)
		}
		return nil
	}
	was := "answered"
	if have, rerr := j.Decision(ctx, a.Unit, a.Seq); rerr == nil && have != nil {
		was = have.Words()
	}
	return fault.New(fault.Conflict, "an answer stands; `rehydrate run --resume "+j.run+"` goes on with it", "%s of run %s is %s already", a.Unit, j.run, was)
}

// Decision reads the answer to the unit's record of that number; nil: there is none.
func (j *Journal) Decision(ctx context.Context, u string, seq int) (*unit.Decision, error) {
	key := j.decisionKey(u, seq)
	keys, err := j.store.List(ctx, path.Dir(key)+"/")
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", j.run, err)
	}
	if !slices.Contains(keys, key) {
		return nil, nil
	}
	body, err := j.store.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var d unit.Decision
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fault.As(fmt.Errorf("read %s: %w", key, err), fault.Failed, "the record is damaged; restore it from a copy or start a new run")
	}
	return &d, nil
}

func (j *Journal) decisionKey(u string, seq int) string { return j.key(path.Join(approvals, u), seq) }
