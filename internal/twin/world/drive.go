package world

import "time"

func (c *Clock) start() {
	c.w.mu.Lock()
	c.w.fillTimers()
	c.w.mu.Unlock()
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.drive()
	}()
	c.poke()
}

func (c *Clock) stop() {
	close(c.done)
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

func (c *Clock) once() time.Duration {
	if c.mode == Manual {
		return maxRest
	}
	for {
		c.w.mu.Lock()
		next, have := c.w.nextTimer()
		if have && !next.Due.After(c.Now()) {
			c.w.fire(next, next.Due)
			c.w.mu.Unlock()
			continue
		}
		target, may, soon := c.jump(next.Due, have)
		c.w.mu.Unlock()
		if !may {
			c.set(time.Time{}) // wake who is due by the wall
			return soon
		}
		c.set(target)
	}
}

// jump says whether time may jump and to where; else how long to rest. The world
// is locked.
func (c *Clock) jump(due time.Time, have bool) (target time.Time, may bool, rest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.nowLocked()
	if have {
		target = due
	}
	awakeSleepers := false
	for _, s := range c.sleepers {
		if s.client == "" {
			continue // already woken
		}
		awakeSleepers = true
		if target.IsZero() || s.until.Before(target) {
			target = s.until
		}
	}
	rest = maxRest
	if !target.IsZero() {
		rest = min(rest, max(target.Sub(now), 0))
	}
	if c.mode != Auto || !awakeSleepers || len(c.holds) > 0 || c.inFlight > 0 {
		return target, false, rest
	}
	if quiet := time.Since(c.unregistered); quiet < unregisteredHold {
		return target, false, min(rest, unregisteredHold-quiet)
	}
	for name, cl := range c.clients {
		if time.Since(cl.seen) > forgetClient && cl.asleep == 0 && cl.inFlight == 0 {
			delete(c.clients, name)
			continue
		}
		if cl.asleep == 0 || cl.inFlight > cl.asleep {
			return target, false, rest
		}
	}
	return target, target.After(now), rest
}
