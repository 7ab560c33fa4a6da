package ec2

import (
	"context"
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (s *Service) rootDue(tx *world.Tx, payload json.RawMessage) error {
	var id string
	if err := json.Unmarshal(payload, &id); err != nil {
		return err
	}
	if t, ok := rootTasks(tx).Get(id); ok {
		s.advanceTask(tx, t)
	}
	return nil
}

// lookedTask counts a look by a caller with its own clock.
func (s *Service) lookedTask(tx *world.Tx, t RootTask) RootTask {
	if tx.Registered || t.Pending.Timer == "" {
		return t
	}
	t.Pending.Looks++
	rootTasks(tx).Put(t.ID, t)
	return s.advanceTask(tx, t)
}

// advanceTask moves a replacement on if it is ready.
func (s *Service) advanceTask(tx *world.Tx, t RootTask) RootTask {
	if t.Pending.Timer == "" || !t.Pending.ready(tx.Now, s.looks()) {
		return t
	}
	tx.Cancel(t.Pending.Timer)
	t.Pending = Pending{}
	i, ok := instances(tx).Get(t.Instance)
	switch {
	case !ok || i.State != stateRunning || t.State == taskPending && t.Fails:
		t.State, t.Completed = taskFailed, tx.Now
	case t.State == taskPending:
		t.State = taskProgress
		t.Pending.Due = tx.Now.Add(between(tx, rootLow, rootHigh))
		t.Pending.Timer = tx.At(t.Pending.Due, timerRoot, t.ID)
		s.swapRoot(tx, &i, t)
		if i.Machine.Made || i.Machine.Wanted {
			t.Pending.Work = workRunning
			s.rootLater(tx, t.ID)
		} else {
			i.Content = t.Content // nobody has used the machine: it will start from this
		}
		instances(tx).Put(i.ID, i)
	default:
		t.State, t.Completed = taskSucceeded, tx.Now
	}
	s.putTask(tx, t)
	return t
}

// swapRoot gives the instance its new volume. It shows the image that it now runs.
func (s *Service) swapRoot(tx *world.Tx, i *Instance, t RootTask) {
	old, err := rootOf(tx, *i)
	if err != nil {
		return // it was detached meanwhile
	}
	fresh := s.attach(tx, *i, []bootDisk{t.Disk}, nil)[0]
	ids := append([]string(nil), i.Volumes...)
	for k, id := range ids {
		if id == old.ID {
			ids[k] = fresh
		}
	}
	i.Volumes = ids
	if t.Delete {
		volumes(tx).Delete(old.ID)
	} else {
		old.Instance, old.Device = "", ""
		volumes(tx).Put(old.ID, old)
	}
	if img, _, ok := image(tx, t.Image); ok {
		i.Image, i.User = img.ID, img.User
	}
}

// rootLater exchanges the machine behind an instance in the background.
func (s *Service) rootLater(tx *world.Tx, task string) {
	account, region := tx.Account, tx.Region
	tx.Go("root volume of task "+task, func(ctx context.Context) {
		err := s.exchange(ctx, account, region, task)
		if ctx.Err() != nil {
			return // the twin is closing; the next one begins again
		}
		_ = s.w.Do(account, region, func(tx *world.Tx) error { // nothing in it fails
			t, ok := rootTasks(tx).Get(task)
			if !ok || t.State != taskProgress {
				return nil
			}
			t.Pending.Work = workDone
			if err != nil {
				tx.Cancel(t.Pending.Timer)
				t.State, t.Completed, t.Pending = taskDetached, tx.Now, Pending{}
				tx.Event("ec2.machine.failed", map[string]any{"instance": t.Instance, "error": err.Error()})
				if i, ok := instances(tx).Get(t.Instance); ok {
					i.Machine.Error = err.Error()
					instances(tx).Put(i.ID, i)
				}
			}
			s.putTask(tx, t)
			s.advanceTask(tx, t)
			return nil
		})
	})
}

// exchange ends the machine with the old root and starts one with the new. After a
// kill it does so again, whichever root the machine has by then.
func (s *Service) exchange(ctx context.Context, account, region, task string) error {
	var t RootTask
	read := func(fn func(tx *world.Tx, i Instance) error) error {
		return s.w.Do(account, region, func(tx *world.Tx) error {
			t, _ = rootTasks(tx).Get(task)
			i, ok := instances(tx).Get(t.Instance)
			if !ok || !i.Live() {
				return noInstance(t.Instance)
			}
			return fn(tx, i)
		})
	}
	if err := read(func(*world.Tx, Instance) error { return nil }); err != nil {
		return err
	}
	defer s.busy.take(t.Instance)()
	var old, fresh backing.Machine
	err := read(func(tx *world.Tx, i Instance) (err error) { old, err = s.machine(tx, i); return err })
	if err != nil {
		return err
	}
	if err := s.b.Stop(ctx, t.Instance); err != nil {
		return err
	}
	if err := s.b.Destroy(ctx, old); err != nil {
		return err
	}
	err = read(func(tx *world.Tx, i Instance) (err error) {
		i.Content = t.Content
		instances(tx).Put(i.ID, i)
		fresh, err = s.machine(tx, i)
		return err
	})
	if err != nil {
		return err
	}
	return s.b.Start(ctx, fresh)
}
