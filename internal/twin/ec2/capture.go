package ec2

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// captureLater makes the disk of a pending image in the background.
func (s *Service) captureLater(tx *world.Tx, id string) {
	account, region := tx.Account, tx.Region
	tx.Go("image "+id, func(ctx context.Context) {
		if err := s.capture(ctx, account, region, id); err != nil {
			s.w.Log(world.Event{Time: s.w.Clock().Now(), Account: account, Region: region, Kind: "ec2.image.failed",
				Data: map[string]any{"image": id, "error": err.Error()}})
		}
	})
}

// capture writes what a pending image consists of. Begun again after a crash it
// starts from nothing: the machine's files are still there.
func (s *Service) capture(ctx context.Context, account, region, id string) error {
	var img Image
	var inst Instance
	var m backing.Machine
	err := s.w.Do(account, region, func(tx *world.Tx) error {
		var ok bool
		if img, _, ok = image(tx, id); !ok || img.Pending.Work != workRunning {
			img = Image{}
			return nil // deregistered, or done by another
		}
		if inst, ok = instances(tx).Get(img.Instance); !ok {
			return fmt.Errorf("instance %s of image %s is gone", img.Instance, id)
		}
		var err error
		m, err = s.machine(tx, inst)
		return err
	})
	if err == nil && img.ID == "" {
		return nil
	}
	dir := filepath.Join(s.dir, "images", id)
	var made backing.Image
	if err == nil {
		made, err = s.write(ctx, img, inst, m, dir)
	}
	if ctx.Err() != nil {
		return nil // the twin is closing; the next one begins again
	}
	if err != nil {
		err = fmt.Errorf("capture image %s: %w", id, err)
	}
	saved := s.w.Do(account, region, func(tx *world.Tx) error {
		s.captured(tx, id, Content{Image: made, Dir: dir}, err)
		return nil
	})
	if saved != nil {
		return saved
	}
	return err
}

// write captures the machine into dir. A running one is shut down and booted again
// around it, unless NoReboot was asked for ("CreateImage", API Reference).
func (s *Service) write(ctx context.Context, img Image, inst Instance, m backing.Machine, dir string) (backing.Image, error) {
	defer s.busy.take(inst.ID)()
	if err := os.RemoveAll(dir); err != nil {
		return backing.Image{}, err
	}
	size := int64(img.Disks[0].Size) << 30
	if !inst.Machine.Made {
		// Nobody has ever used the machine: it is what its image is.
		if m.Image.Disk != "" || m.Image.Modelled != nil {
			return m.Image, nil
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return backing.Image{}, err
		}
		made := m.Image
		made.Disk = filepath.Join(dir, "disk.img")
		return made, s.b.Disk(ctx, m.Image, made.Disk, size)
	}
	reboot := inst.State == stateRunning && !img.Live
	if reboot {
		if err := s.b.Stop(ctx, inst.ID); err != nil {
			return backing.Image{}, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return backing.Image{}, err
	}
	made, err := s.b.Capture(ctx, m, dir, size)
	if err != nil {
		_ = os.RemoveAll(dir) // the next attempt removes it too
		return backing.Image{}, err
	}
	if reboot {
		err = s.b.Start(ctx, m)
	}
	return made, err
}

// captured notes what came of it.
func (s *Service) captured(tx *world.Tx, id string, c Content, failed error) {
	i, _, ok := image(tx, id)
	if !ok {
		if failed == nil { // deregistered meanwhile
			addContent(tx, c)
		}
		s.sweep(tx)
		return
	}
	if failed != nil {
		s.failImage(tx, i, failed)
		return
	}
	i.Content = addContent(tx, c)
	for k, d := range i.Disks {
		if n, ok := snapshot(tx, d.Snapshot); ok && k == 0 {
			n.Content = i.Content
			putSnapshot(tx, n)
		}
	}
	i.Pending.Work = workDone
	putImage(tx, i)
	s.advanceImage(tx, i)
}
