package ec2

import (
	"sync"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is the twin's EC2 in all accounts and regions of one world.
type Service struct {
	// Network is the world's loopback network, 127.<a>; empty takes one from the
	// seed. It is read once, when the world is new.
	Network string
	// ResolveParameter gives the value of a parameter named by resolve:ssm: in the
	// transaction's account and region; nil refuses such image ids.
	ResolveParameter func(tx *world.Tx, name string) (string, error)

	w       *world.World
	b       backing.Backing
	dir     string   // of machines' and images' folders
	busy    locks    // one piece of work on a machine or image at a time
	writing sync.Map // contents whose disk is being written
	onState []func(tx *world.Tx, id, state string)
}

// New makes the service of a world that has not been started yet. dir is where
// machines and captured images have their folders.
func New(w *world.World, b backing.Backing, dir string) *Service {
	s := &Service{w: w, b: b, dir: dir}
	w.OnTimer(timerInstance, s.instanceDue)
	w.OnTimer(timerForget, s.forgetInstance)
	w.OnTimer(timerImage, s.imageDue)
	return s
}

// OnState calls f inside the transaction that changes an instance's state, after
// the row has been written. Register before the world is started.
func (s *Service) OnState(f func(tx *world.Tx, id, state string)) {
	s.onState = append(s.onState, f)
}
