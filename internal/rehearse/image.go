package rehearse

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Unlooked notes that an image to roll to was not looked for, because the fleet comes
// from a file that knows no images.
func (f *Fleet) Unlooked(image string) {
	f.notes = append(f.notes, fmt.Sprintf("whether image %s exists could not be seen: the fleet was read from a file", image))
}

// image looks for the image to roll to where the first group of the fleet that can be
// rolled is, which is where the copy has it. One that is not there, or cannot be
// launched, is refused; where it cannot be asked for, a note says so.
func (r Reader) image(ctx context.Context, c rollout.Cell) (note string, err error) {
	unseen := func(why string) (string, error) {
		return fmt.Sprintf("whether image %s exists could not be seen: %s", r.To, why), nil
	}
	full := r.full(c)
	p, err := r.Cells(ctx, c)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", full, err)
	}
	if p.Images == nil {
		return unseen("images cannot be asked for there")
	}
	states, err := p.Images.States(ctx, []string{r.To})
	switch {
	case fault.KindOf(err) == fault.Denied:
		return unseen(err.Error())
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return "", fmt.Errorf("look for image %s in %s: %w", r.To, full, err)
	}
	switch state := states[r.To]; state {
	case "available":
		return "", nil
	case "":
		return "", fault.New(fault.NotFound, "check the id, the Region, and that the image is shared with the account; without --to a stand-in is rolled to",
			"rehearse: there is no image %s in %s", r.To, full)
	default:
		return "", fault.New(fault.Conflict, "wait until it is available, or enable it; without --to a stand-in is rolled to",
			"rehearse: image %s in %s is %s, and nothing can be launched from it", r.To, full, state)
	}
}
