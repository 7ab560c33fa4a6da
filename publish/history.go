package publish

import (
	"context"
	"time"
)

// Place is a channel in a cell.
type Place struct {
	Cell
	Arch    string `json:"arch,omitempty"`
	Channel string `json:"channel"`
}

// String is the place for people.
func (p Place) String() string { return where(p.Cell, p.Channel) }

// Entry is one version of a channel.
type Entry struct {
	Place
	Version    int64     `json:"version"`
	Image      string    `json:"image"`
	Labels     []string  `json:"labels,omitempty"`
	ModifiedAt time.Time `json:"modifiedAt"`
	// Envelope is nil for a version that somebody wrote by hand.
	Envelope    *Envelope `json:"envelope,omitempty"`
	Description string    `json:"description,omitempty"`
	// TakenBack says that the run that wrote the version took it back.
	TakenBack bool `json:"takenBack,omitempty"`
	// Withdrawn says that a roll took the version back when nothing preceded it.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// History is every version of a channel that is kept, oldest first; empty for one that
// does not exist.
func (s *Stage) History(ctx context.Context, at Place) ([]Entry, error) {
	_, history, err := s.read(ctx, at.Cell, at.Channel)
	if err != nil {
		return nil, err
	}
	stands := map[int64]bool{}
	for _, p := range standing(history) {
		stands[p.Version] = true
	}
	out := make([]Entry, 0, len(history))
	for _, p := range history {
		e := Entry{Place: at, Version: p.Version, Image: p.Value, Labels: p.Labels, ModifiedAt: p.ModifiedAt,
			Description: p.Description, TakenBack: !stands[p.Version], Withdrawn: Withdrawn(p)}
		if v, ok := ParseEnvelope(p.Description); ok {
			e.Envelope = &v
		}
		out = append(out, e)
	}
	return out, nil
}
