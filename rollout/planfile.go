package rollout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/goldenami/rehydrate/internal/fault"
)

// maxPlan bounds a plan's file. A plan of 40,000 instances takes some megabytes.
const maxPlan = 256 << 20

// WritePlan writes a plan so that ReadPlan reads it again.
func WritePlan(w io.Writer, p *Plan) error {
	whole := *p
	whole.Sum = p.sum()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(whole); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

// ReadPlan reads a plan that was written before. It refuses one that it does not
// understand (kind Usage), and one that was changed by hand (kind Conflict): its hash
// then is not that of its decisions. The hash is no signature; who may change the
// file may make another plan.
func ReadPlan(data []byte) (*Plan, error) {
	bad := func(format string, args ...any) error {
		return fault.New(fault.Usage, "write one with `rehydrate plan --out FILE`", "read the plan: "+format, args...)
	}
	if len(data) > maxPlan {
		return nil, bad("it has %d bytes, more than %d", len(data), maxPlan)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	var p Plan
	if err := d.Decode(&p); err != nil {
		return nil, bad("%w", err)
	}
	switch {
	case d.More():
		return nil, bad("something follows it")
	case p.Schema != PlanSchema:
		return nil, bad("it has schema %d; this program reads %d", p.Schema, PlanSchema)
	case p.Image == "" || p.Hash == "":
		return nil, bad("it names no image, or has no hash")
	}
	if now := p.hash(); now != p.Hash {
		return nil, fault.New(fault.Conflict, "make a new plan", "read the plan: it was changed after it was made, or made by another version: it says %s and is %s", short(p.Hash), short(now))
	}
	if p.Sum != p.sum() {
		return nil, fault.New(fault.Conflict, "make a new plan", "read the plan: its measured values, findings or tolerance were changed after it was made, or it was made by another version")
	}
	return &p, nil
}

// sum is the digest of all that a plan's file says.
func (p *Plan) sum() string {
	whole := *p
	whole.Sum = ""
	data, err := json.Marshal(whole)
	if err != nil { // only a broken Mixed could fail, and the hash has it
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
