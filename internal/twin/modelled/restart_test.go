package modelled

import (
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// waiting is a machine with a patch that waits for its reboot.
func waiting(t *testing.T) (*bench, backing.Machine) {
	t.Helper()
	b := newBench(t)
	m := b.spec("i-1")
	m.Image.Modelled.Installed[3].Held = false
	m.Since = b.now
	start(t, b.Modelled, m)
	q := request("Install")
	q.RebootOption = string(baseline.NoReboot)
	b.now = b.now.Add(time.Hour)
	if r, err := b.Patch(t.Context(), m.ID, q); err != nil || r.Evaluation.Counts.InstalledPendingRebootCount == 0 {
		t.Fatalf("nothing waits: %+v, %v", r.Evaluation, err)
	}
	b.now = b.now.Add(time.Hour)
	return b, m
}

// waits says whether a scan finds something that waits for a reboot.
func waits(t *testing.T, d *Modelled, m backing.Machine) bool {
	t.Helper()
	start(t, d, m)
	r, err := d.Patch(t.Context(), m.ID, request("Scan"))
	if err != nil {
		t.Fatal(err)
	}
	return r.Evaluation.Counts.InstalledPendingRebootCount > 0
}

func TestTheEndOfTheTwinIsNoReboot(t *testing.T) {
	b, m := waiting(t)
	for range 2 {
		again := b.restart()
		if !waits(t, again, m) {
			t.Fatal("the pending reboot is forgotten after a kill")
		}
		if err := again.Close(); err != nil { // an orderly end is no reboot either
			t.Fatal(err)
		}
	}
	again := b.restart()
	start(t, again, m)
	if err := again.Reboot(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	if waits(t, again, m) || waits(t, b.restart(), m) {
		t.Error("the reboot is forgotten")
	}
}

func TestAStopBeforeOrAfterTheTwinsEndIsAReboot(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		b, m := waiting(t)
		if err := b.Stop(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
		if waits(t, b.restart(), m) {
			t.Error("a stopped machine came up without a boot")
		}
	})
	t.Run("after, before anybody used it", func(t *testing.T) {
		b, m := waiting(t)
		again := b.restart()
		if err := again.Stop(t.Context(), m.ID); err != nil { // it is not known to this process
			t.Fatal(err)
		}
		m.Since = b.now // the instance was started anew
		if waits(t, again, m) {
			t.Error("a machine that was started anew came up without a boot")
		}
	})
}
