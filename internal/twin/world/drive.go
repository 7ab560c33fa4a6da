package world

import "time"

func (c *Clock) start() {
	func() {
		c.w.mu.Lock()
		defer c.w.mu.Unlock() // also when a timer that was saved cannot be read
		c.w.fillTimers()
		c.w.started = true
	}()
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.drive()
	}()
	c.poke()
}

func (c *Clock) stop() {
	c.stopOnce.Do(func() { close(c.done) })
	c.wg.Wait()
}

func (c *Clock) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// drive lets time pass: it jumps when it may, fires timers, wakes sleepers, and
// rests until the next of these is due on the wall.
func (c *Clock) drive() {
	for {
		rest := c.once()
		t := time.NewTimer(rest)
		select {
		case <-c.done:
			t.Stop()
			return
		case <-c.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// maxRest bounds a rest, because a hold by a silent client ends without a word.
const maxRest = time.Second

// once does what is due, and returns how long there is nothing to do.
func (c *Clock) once() time.Duration {
	for {
		rest, more := c.turn()
		if !more {
			return rest
		}
	}
}

// turn fires one timer or jumps once. The world stays locked between the decision
// to jump and the jump, so that no transaction sees time from before it.
func (c *Clock) turn() (rest time.Duration, more bool) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode == Manual {
		return maxRest, false
	}
	next, have := c.w.nextTimer()
	if have && !next.Due.After(c.nowLocked()) {
		c.mu.Unlock() // who handles a timer may look at the clock
		c.w.fire(next, next.Due)
		c.mu.Lock()
		return 0, true
	}
	target, may, rest := c.jump(next.Due, have)
	if !may {
		c.wakeDue()
		return rest, false
	}
	c.setLocked(target)
	c.saveTime()
	return 0, true
}

// jump says whether time may jump and to where; else how long to rest. The world
// and the clock are locked.
func (c *Clock) jump(due time.Time, have bool) (target time.Time, may bool, rest time.Duration) {
	now := c.nowLocked()
	if have {
		target = due
	}
	sleeping := false
	for _, s := range c.sleepers {
		if s.woken {
			continue
		}
		sleeping = true
		if target.IsZero() || s.until.Before(target) {
			target = s.until
		}
	}
	rest = maxRest
	if !target.IsZero() {
		rest = min(rest, max(c.quick(target.Sub(now)), 0))
	}
	if c.mode != Auto || !sleeping || len(c.holds) > 0 || c.inFlight > 0 {
		return target, false, rest
	}
	if quiet := time.Since(c.unregistered); quiet < unregisteredHold {
		return target, false, min(rest, unregisteredHold-quiet)
	}
	for name, cl := range c.clients {
		if cl.asleep > 0 && cl.inFlight == 0 {
			continue
		}
		if !cl.alive() {
			delete(c.clients, name)
			continue
		}
		return target, false, rest
	}
	return target, target.After(now), rest
}

// saveTime makes a jump outlive a kill: no client may see time go back. Failing
// to save it is noticed by the next transaction.
func (c *Clock) saveTime() {
	_ = c.w.file.save(c.w, nil, c.nowLocked())
}
