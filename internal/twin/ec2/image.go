package ec2

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Image states.
const (
	imagePending   = "pending"
	imageAvailable = "available"
	imageFailed    = "failed"
	imageDisabled  = "disabled"
)

// Snapshot states.
const (
	snapPending   = "pending"
	snapCompleted = "completed"
	snapError     = "error"
)

const timerImage = "ec2/image-due"

// How long CreateImage takes until the image is available: 3 to 10 min is typical.
const imageLow, imageHigh = 3 * time.Minute, 8 * time.Minute

// checkName applies the rules for AMI names ("Name", CreateImage, API Reference)
// and refuses one that the account uses already, whatever the image's state.
func checkName(tx *world.Tx, name string) error {
	ok := len(name) >= 3 && len(name) <= 128
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
		switch r {
		case '(', ')', '[', ']', ' ', '.', '/', '-', '\'', '@', '_':
			ok = len(name) >= 3 && len(name) <= 128
		}
		if !ok {
			break
		}
	}
	if !ok {
		return wire.Errorf("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'")
	}
	for _, i := range images(tx).All() {
		if i.Name == name {
			return wire.Errorf("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, i.ID)
		}
	}
	return nil
}

// advanceImage moves an image and its snapshots on if they are ready.
func (s *Service) advanceImage(tx *world.Tx, i Image) Image {
	if i.State != imagePending || !i.Pending.ready(tx.Now, s.looks()) {
		return i
	}
	if i.Fails.Code != "" {
		return s.endImage(tx, i, i.Fails)
	}
	tx.Cancel(i.Pending.Timer)
	i.State, i.Pending = imageAvailable, Pending{}
	putImage(tx, i)
	for _, d := range i.Disks {
		if n, ok := snapshot(tx, d.Snapshot); ok && n.State == snapPending {
			n.State, n.Completed = snapCompleted, tx.Now
			putSnapshot(tx, n)
		}
	}
	tx.Event("ec2.image.state", map[string]any{"image": i.ID, "name": i.Name, "state": i.State})
	return i
}

// failImage ends an image that could not be made.
func (s *Service) failImage(tx *world.Tx, i Image, cause error) {
	s.endImage(tx, i, Reason{"Server.InternalError", "Server.InternalError: " + cause.Error()})
}

func (s *Service) endImage(tx *world.Tx, i Image, why Reason) Image {
	tx.Cancel(i.Pending.Timer)
	i.State, i.Pending, i.Fails, i.Reason = imageFailed, Pending{}, Reason{}, why
	putImage(tx, i)
	_, cause, _ := strings.Cut(why.Message, ": ")
	for _, d := range i.Disks {
		if n, ok := snapshot(tx, d.Snapshot); ok && n.State == snapPending {
			n.State, n.Message = snapError, cause
			putSnapshot(tx, n)
		}
	}
	tx.Event("ec2.image.state", map[string]any{"image": i.ID, "name": i.Name, "state": i.State, "error": cause})
	return i
}

// lookedImage counts a look at a pending image by a caller with its own clock.
func (s *Service) lookedImage(tx *world.Tx, i Image) Image {
	if tx.Registered || i.State != imagePending {
		return i
	}
	i.Pending.Looks++
	putImage(tx, i)
	return s.advanceImage(tx, i)
}

func (s *Service) imageDue(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if i, _, ok := image(tx, id); ok {
		s.advanceImage(tx, i)
	}
	return nil
}
