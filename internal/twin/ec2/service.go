package ec2

import (
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is the twin's EC2 in all accounts and regions of one world.
type Service struct {
	// Network is the world's loopback network, 127.<a>; empty takes one from the
	// seed. It is read once, when the world is new.
	Network string
	// Hurry lets a caller with a clock of its own see a thing ready at its first look,
	// which waits for the work behind it, instead of at its second. The amazon plugin
	// 1.8.0 sleeps 15 s between two looks at an image, whatever it is told.
	Hurry bool
	// ResolveParameter gives the value of a parameter named by resolve:ssm: in the
	// transaction's account and region; nil refuses such image ids.
	ResolveParameter func(tx *world.Tx, name string) (string, error)
	// ImageParameters are the ARNs of the parameters of type aws:ec2:image whose value is
	// the image, in the transaction's account and region; nil: there is no Parameter Store.
	ImageParameters func(tx *world.Tx, image string) []string
	// Keys is KMS.
	Keys Keys
	// CopyFault, if set, says why a copy that has been accepted is to fail in the end; the
	// empty string lets it succeed. It is for fault plans. name is the new image's name
	// or the snapshot's description.
	CopyFault func(tx *world.Tx, name string) string

	w         *world.World
	b         backing.Backing
	dir       string   // of machines' and images' folders
	busy      locks    // one piece of work on a machine or image at a time
	writing   sync.Map // contents whose disk is being written
	platforms sync.Map // products of roots, by their layers
	waiting   sync.Map // ids of things that somebody waits for, to since when
	onState   []func(tx *world.Tx, id, state string)
	onRoot    []func(tx *world.Tx, t RootTask)
}

// New makes the service of a world that has not been started yet. dir is where
// machines and captured images have their folders.
func New(w *world.World, b backing.Backing, dir string) *Service {
	s := &Service{w: w, b: b, dir: dir, Keys: kms.New()}
	w.OnTimer(timerInstance, s.instanceDue)
	w.OnTimer(timerForget, s.forgetInstance)
	w.OnTimer(timerImage, s.imageDue)
	w.OnTimer(timerSnapshot, s.snapshotDue)
	w.OnTimer(timerRoot, s.rootDue)
	s.follow(w)
	return s
}

// OnState calls f inside the transaction that changes an instance's state, after
// the row has been written. Register before the world is started.
func (s *Service) OnState(f func(tx *world.Tx, id, state string)) {
	s.onState = append(s.onState, f)
}

// OnRoot calls f inside the transaction that ends a replacement of a root volume,
// after the row has been written. Register before the world is started.
func (s *Service) OnRoot(f func(tx *world.Tx, t RootTask)) {
	s.onRoot = append(s.onRoot, f)
}

// looks is how many looks of a caller with its own clock make a thing ready.
func (s *Service) looks() int {
	if s.Hurry {
		return 1
	}
	return 2
}

// lingerLimit is how long a look waits in a hurry: less than wire.AgainLimit, for
// then the answer must be an error.
const lingerLimit = 30 * time.Second

// linger says whether a look at a thing is to be tried again, because its work will
// soon be done.
func (s *Service) linger(tx *world.Tx, id string, p Pending) bool {
	if !s.Hurry || tx.Registered || p.Work != workRunning {
		s.waiting.Delete(id)
		return false
	}
	since, _ := s.waiting.LoadOrStore(id, time.Now())
	return time.Since(since.(time.Time)) < lingerLimit //nolint:forcetypeassert // stored above
}

// soon is the answer of a look that lingers.
func soon(id string) error {
	return &wire.Again{Err: wire.Errorf("RequestLimitExceeded", "%s is on its way", id)}
}
