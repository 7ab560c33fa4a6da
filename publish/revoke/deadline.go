package revoke

import (
	"time"

	"github.com/goldenami/rehydrate/publish/usage"
)

// deadline finds the day by which nothing may run on the images any more. It counts from
// the first revocation, so that to repeat the command does not put it off, and stands on the
// images, so that to leave it out does not change it.
func (r *reader) deadline() {
	p := r.plan
	if p.Input.By.IsZero() {
		first, stated := p.At, time.Time{}
		for _, m := range p.Images {
			if t, err := time.Parse(time.RFC3339, m.tags[usage.TagRevoked]); err == nil && t.Before(first) {
				first = t
			}
			if t, err := time.Parse(time.RFC3339, m.tags[usage.TagDeadline]); err == nil && (stated.IsZero() || t.Before(stated)) {
				stated = t
			}
		}
		switch {
		case p.Input.Within > 0:
			p.Input.By = first.Add(p.Input.Within)
		case !stated.IsZero():
			p.Input.By = stated
		default:
			p.Input.By = first.Add(Week)
		}
	}
	p.Input.By = p.Input.By.UTC().Truncate(time.Second) // as a tag has it
	r.in.By = p.Input.By
	for n := range p.Images {
		m := &p.Images[n]
		m.Mark = m.Ours && (m.Mark || m.tags[usage.TagDeadline] != p.by())
	}
}

// by is the deadline as a tag.
func (p *Plan) by() string { return p.Input.By.Format(time.RFC3339) }
