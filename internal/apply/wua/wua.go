// Package wua installs exact updates through the Windows Update Agent of a machine. A
// small PowerShell script (install.ps1) hands the agent the list and prints how each
// update ended; what that means is decided here.
//
// Nothing of this has run on Windows. The shape of the result is that of the members
// which Microsoft documents for IUpdateInstaller2, IUpdateDownloader,
// IUpdateInstallationResult and IUpdateDownloadResult.
package wua

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

//go:embed install.ps1
var install string

// Shell runs a PowerShell script and gives its standard output, bounded in time and size.
type Shell interface {
	Run(ctx context.Context, script string) ([]byte, error)
}

// Update names one revision of one update, as the agent does.
type Update struct {
	ID       string // UpdateID
	Revision int
}

func (u Update) String() string { return fmt.Sprintf("%s/%d", strings.ToLower(u.ID), u.Revision) }

// Installer installs updates.
type Installer struct {
	Shell  Shell
	Online bool // look the updates up at the server, not in the agent's memory
	Clock  wait.Clock
	// Limit is how long to wait while another installation is at work; zero: not at all.
	Limit time.Duration
}

// Outcome is what became of a list of updates.
type Outcome struct {
	Failed map[Update]string // why; every update that is not here was installed
	Reboot bool              // the machine has to restart
}

// batch bounds the updates of one script: a command line is short.
const batch = 100

// Install installs exactly these updates. What the agent says about one is its outcome;
// an error means that of the rest nothing is known. An installation is not cut off by
// the end of ctx.
func (in Installer) Install(ctx context.Context, updates []Update) (Outcome, error) {
	out := Outcome{Failed: map[Update]string{}}
	if err := valid(updates); err != nil {
		return out, err
	}
	for len(updates) > 0 {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		some := updates[:min(batch, len(updates))]
		updates = updates[len(some):]
		r, err := in.run(ctx, some)
		if err != nil {
			return out, fmt.Errorf("install %d updates: %w", len(some), err)
		}
		r.judge(some, &out)
	}
	return out, nil
}

// run runs the script, again while another installation is at work.
func (in Installer) run(ctx context.Context, updates []Update) (*result, error) {
	var r *result
	var failed error
	err := wait.Poll(ctx, in.Clock, "another installation of updates", 30*time.Second, in.Limit, func(ctx context.Context) (bool, error) {
		out, err := in.Shell.Run(context.WithoutCancel(ctx), Script(in.Online, updates))
		if err != nil {
			return false, err
		}
		r, failed = parse(out)
		return failed != nil || !r.Busy, failed
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil && r != nil && r.Busy && ctx.Err() == nil:
		return nil, fault.As(err, fault.Conflict, "another installation of updates is at work on this machine")
	case err != nil:
		return nil, err
	case r.RestartFirst:
		return nil, fault.New(fault.Failed, "restart the machine, then install again", "the machine has to restart before anything can be installed")
	}
	return r, nil
}

var guid = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
})

// valid keeps anything but ids out of the script.
func valid(updates []Update) error {
	seen := map[string]bool{}
	for _, u := range updates {
		if !guid().MatchString(u.ID) || u.Revision < 0 {
			return fmt.Errorf("install updates: %.60q revision %d is no update", u.ID, u.Revision)
		}
		if seen[u.String()] {
			return fmt.Errorf("install updates: %s stands there twice", u)
		}
		seen[u.String()] = true
	}
	return nil
}

// Script is the PowerShell text that installs updates.
func Script(online bool, updates []Update) string {
	var list []string
	for _, u := range updates {
		list = append(list, "'"+u.String()+"'")
	}
	return fmt.Sprintf("$online = $%t\n$wanted = @(%s)\n%s", online, strings.Join(list, ", "), install)
}
