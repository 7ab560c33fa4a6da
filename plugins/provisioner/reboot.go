package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/wait"
)

const (
	bootID      = "cat /proc/sys/kernel/random/boot_id"
	rebootEvery = 2 * time.Second
	rebootTry   = 20 * time.Second // one look at the boot id
)

// rebootAndScan reboots as often as asked and allowed, and puts the last scan's
// findings into the report.
func (p *Provisioner) rebootAndScan(ctx context.Context, r *remote, req *record.NodeRequest, report *record.NodeReport) error {
	c := &p.config
	if c.Reboot == rebootNever || c.Reboot == rebootIfNeeded && !report.RebootNeed {
		return nil
	}
	scan := *req
	scan.Operation, scan.Lock, scan.SkipIdentity, scan.Bundle = "Scan", report.Lock, "", ""
	for n := 1; ; n++ {
		if err := r.reboot(ctx); err != nil {
			return err
		}
		// /tmp may be gone after a boot, or not: begin with a fresh folder.
		if err := r.close(ctx); err != nil {
			return err
		}
		if err := r.phase(ctx, "upload", r.open); err != nil {
			return fmt.Errorf("after the reboot: %w", err)
		}
		found, err := r.node(ctx, &scan)
		if err != nil {
			return fmt.Errorf("scan after the reboot: %w", err)
		}
		if found.Error != "" {
			return fmt.Errorf("scan after the reboot: %s", found.Error)
		}
		report.Evaluation, report.RebootNeed, report.EndedAt = found.Evaluation, found.RebootNeed, found.EndedAt
		if found.Before != nil {
			after := found.Before.Inventory
			report.After = &after
		}
		if !report.RebootNeed {
			return c.save(report)
		}
		if n >= c.MaxReboots {
			return errors.Join(c.save(report), fmt.Errorf("the instance still needs a reboot after %d", n))
		}
	}
}

// reboot returns when the instance is back under another boot id: a command that
// succeeds may still have met the system that is going down.
func (r *remote) reboot(ctx context.Context) error {
	before, err := r.run(ctx, bootID, nil)
	if err != nil {
		return fmt.Errorf("read the boot id: %w", err)
	}
	before = strings.TrimSpace(before)
	r.ui.Say("rebooting the instance")
	// The connection is expected to drop, at any moment; only the boot id tells.
	if _, err := r.asRoot(ctx, "nohup sh -c \"sleep 1; reboot\" >/dev/null 2>&1 &", nil); err != nil && ctx.Err() != nil {
		return fmt.Errorf("reboot the instance: %w", err)
	}
	last := errors.New("the boot id stayed the same")
	err = wait.Poll(ctx, wait.Wall{}, "the instance to come back from its reboot", rebootEvery, r.cfg.RestartTimeout, func(ctx context.Context) (bool, error) {
		try, cancel := context.WithTimeout(ctx, rebootTry)
		defer cancel()
		now, err := r.run(try, bootID, nil)
		now = strings.TrimSpace(now)
		if err != nil {
			last = err
			return false, ctx.Err()
		}
		return now != "" && now != before, nil
	})
	if err != nil {
		return fmt.Errorf("%w (last look: %w)", err, last)
	}
	return nil
}
