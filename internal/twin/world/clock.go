package world

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Mode is how virtual time passes.
type Mode string

// The modes.
const (
	// Auto runs as the wall does, and jumps to the next timer or sleeper when every
	// registered client sleeps and nothing holds the clock.
	Auto Mode = "auto"
	// Real never jumps.
	Real Mode = "real"
	// Manual stands still but for Step.
	Manual Mode = "manual"
	// Rate runs so many times as quick as the wall, or under a hold as quick as the wall,
	// and never jumps.
	Rate Mode = "rate"
)

// MaxRate is a day in 0.9 s; beyond it a request takes hours.
const MaxRate = 100000

const (
	// unregisteredHold is how long a request of a client that has its own clock
	// (Packer, awscli) keeps time on the wall's pace.
	unregisteredHold = 5 * time.Second
	// forgetClient is when a registered client that says nothing is taken for dead.
	forgetClient = 30 * time.Second
)

// Clock is the twin's time.
type Clock struct {
	w *World

	mu           sync.Mutex
	mode         Mode
	rate         float64   // of Rate
	base         time.Time // virtual time at wall
	wall         time.Time
	holds        map[int]string
	holdSeq      int
	clients      map[string]*client
	unregistered time.Time
	inFlight     int // requests of unregistered clients
	sleepers     map[int]*sleeper
	wake         chan struct{}
	done         chan struct{}
	stopOnce     sync.Once
	wg           sync.WaitGroup
}

type client struct {
	seen     time.Time
	inFlight int
	asleep   int
}

// alive says that a client is being served or has been heard of lately.
func (c *client) alive() bool {
	return c.inFlight > 0 || c.asleep > 0 || time.Since(c.seen) <= forgetClient
}

type sleeper struct {
	until  time.Time
	client *client
	ready  chan struct{}
	woken  bool // by the clock, which has taken it off its client's sleepers
}

func newClock(w *World, now time.Time, m Mode) *Clock {
	if m == "" {
		m = Auto
	}
	return &Clock{
		w: w, mode: m, base: now, wall: time.Now(), holds: map[int]string{}, clients: map[string]*client{},
		sleepers: map[int]*sleeper{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// Now is the virtual time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *Clock) nowLocked() time.Time {
	switch c.mode {
	case Manual:
		return c.base
	case Rate:
		return c.base.Add(time.Duration(float64(time.Since(c.wall)) * c.pace()))
	}
	return c.base.Add(time.Since(c.wall))
}

// pace is how many seconds pass a second in mode Rate.
func (c *Clock) pace() float64 {
	if len(c.holds) > 0 {
		return 1
	}
	return c.rate
}

// rebase begins a new stretch of time, before its pace changes.
func (c *Clock) rebase() { c.base, c.wall = c.nowLocked(), time.Now() }

// SetMode changes how time passes from now on; rate is of mode Rate only. What time
// it is does not change.
func (c *Clock) SetMode(m Mode, rate float64) error {
	switch {
	case m != Auto && m != Real && m != Manual && m != Rate:
		return fmt.Errorf("unknown clock mode %q: auto, real, manual or rate", m)
	case m == Rate && (!(rate > 0) || rate > MaxRate):
		return fmt.Errorf("a rate is a number of seconds a second above 0, at most %d", MaxRate)
	}
	c.mu.Lock()
	c.rebase()
	c.mode, c.rate = m, rate
	c.mu.Unlock()
	c.poke()
	return nil
}

// quick turns a time of the clock into one of the wall.
func (c *Clock) quick(d time.Duration) time.Duration {
	if c.mode == Rate {
		return time.Duration(float64(d) / c.pace())
	}
	return d
}

// Hold keeps time at the wall's pace until release is called. reason is shown.
func (c *Clock) Hold(reason string) (release func()) {
	c.mu.Lock()
	c.rebase()
	c.holdSeq++
	id := c.holdSeq
	c.holds[id] = reason
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		c.rebase()
		delete(c.holds, id)
		c.mu.Unlock()
		c.poke()
	}
}

// Enter notes a request in flight. The empty name is a client with its own clock.
func (c *Clock) Enter(name string) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == "" {
		c.unregistered = time.Now()
		c.inFlight++
		return func() {
			c.mu.Lock()
			c.inFlight--
			c.unregistered = time.Now()
			c.mu.Unlock()
			c.poke()
		}
	}
	cl := c.client(name)
	cl.inFlight++
	return func() {
		c.mu.Lock()
		cl.inFlight--
		cl.seen = time.Now()
		c.mu.Unlock()
		c.poke()
	}
}

func (c *Clock) client(name string) *client {
	cl := c.clients[name]
	if cl == nil {
		cl = &client{}
		c.clients[name] = cl
	}
	cl.seen = time.Now()
	return cl
}

// Sleep registers the client as one that takes its time from here and returns at
// until, or with the context's error before. The empty name is a client with a
// clock of its own that is made to wait.
func (c *Clock) Sleep(ctx context.Context, name string, until time.Time) error {
	c.mu.Lock()
	cl := c.client(name)
	if !until.After(c.nowLocked()) {
		c.forgetUnnamed(name)
		c.mu.Unlock()
		return ctx.Err()
	}
	s := &sleeper{until: until, client: cl, ready: make(chan struct{})}
	c.holdSeq++
	id := c.holdSeq
	c.sleepers[id] = s
	cl.asleep++
	c.mu.Unlock()
	c.poke()
	defer func() {
		c.mu.Lock()
		delete(c.sleepers, id)
		if !s.woken {
			cl.asleep--
		}
		cl.seen = time.Now()
		c.forgetUnnamed(name)
		c.mu.Unlock()
		c.poke()
	}()
	select {
	case <-s.ready:
		return nil
	case <-c.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Forget drops a client that is known to be gone, unless it is still being served.
func (c *Clock) Forget(name string) {
	c.mu.Lock()
	if cl := c.clients[name]; cl != nil && cl.asleep == 0 && cl.inFlight == 0 {
		delete(c.clients, name)
	}
	c.mu.Unlock()
	c.poke()
}

// forgetUnnamed drops the client without a name: it is not a registered one.
func (c *Clock) forgetUnnamed(name string) {
	if cl := c.clients[name]; name == "" && cl != nil && cl.asleep == 0 {
		delete(c.clients, name)
	}
}

// Step moves a Manual clock, firing what comes due on the way.
func (c *Clock) Step(d time.Duration) { c.StepTo(c.Now().Add(d)) }

// StepTo moves the clock to t, firing what comes due on the way; it never goes
// back.
func (c *Clock) StepTo(t time.Time) {
	for c.step(t) {
	}
	c.poke()
}

// step fires the next timer up to t, or goes to t and says that it is there.
func (c *Clock) step(t time.Time) (more bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	next, ok := c.w.nextTimer()
	if ok = ok && !next.Due.After(t); ok {
		t = next.Due
	}
	c.mu.Lock()
	c.setLocked(t)
	if !ok {
		c.saveTime()
	}
	c.mu.Unlock()
	if ok {
		c.w.fire(next, next.Due)
	}
	return ok
}

// setLocked moves time forward to t, never back, and wakes who is due.
func (c *Clock) setLocked(t time.Time) {
	if t.After(c.nowLocked()) {
		c.base, c.wall = t, time.Now()
	}
	c.wakeDue()
}

// wakeDue wakes the sleepers whose time has come. They are awake from this
// moment, not from when their goroutines run: the clock must not jump past what
// they are about to do.
func (c *Clock) wakeDue() {
	now := c.nowLocked()
	for _, s := range c.sleepers {
		if !s.woken && !s.until.After(now) {
			s.woken = true
			s.client.asleep--
			s.client.seen = time.Now()
			close(s.ready)
		}
	}
}

// Status is the clock's state for people.
type Status struct {
	Now     time.Time `json:"now"`
	Mode    Mode      `json:"mode"`
	Rate    float64   `json:"rate,omitempty"` // seconds a second, of mode rate
	Holds   []string  `json:"holds,omitempty"`
	Clients []string  `json:"clients,omitempty"` // in flight, asleep, or heard within 30 s
	Asleep  int       `json:"asleep"`
	// Unregistered says that a client with its own clock keeps time on the wall's pace.
	Unregistered bool `json:"unregistered,omitempty"`
}

// Status says what time it is and what keeps it from jumping.
func (c *Clock) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Now: c.nowLocked(), Mode: c.mode}
	if c.mode == Rate {
		s.Rate = c.rate
	}
	for _, sl := range c.sleepers {
		if !sl.woken {
			s.Asleep++
		}
	}
	for _, h := range c.holds {
		s.Holds = append(s.Holds, h)
	}
	for name, cl := range c.clients {
		if cl.alive() {
			s.Clients = append(s.Clients, name)
		}
	}
	s.Unregistered = c.inFlight > 0 || time.Since(c.unregistered) < unregisteredHold
	sort.Strings(s.Holds)
	sort.Strings(s.Clients)
	return s
}
