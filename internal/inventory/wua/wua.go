// Package wua reads what the Windows Update Agent of a machine says: what is installed
// and what it offers. The agent is asked by a small PowerShell script (search.ps1) that
// prints JSON; everything that is decided about the answer is decided here.
//
// Nothing of this has run on Windows. The shape of the answer is that of the members
// which Microsoft documents for IUpdate to IUpdate5, ICategory, ISearchResult,
// IUpdateHistoryEntry and ISystemInformation.
package wua

import (
	"context"
	_ "embed"
	"fmt"
)

//go:embed search.ps1
var search string

// Shell runs a PowerShell script and gives its standard output, bounded in time and size.
type Shell interface {
	Run(ctx context.Context, script string) ([]byte, error)
}

// Read asks the agent: its update server when online, else what it remembers of the
// server's last answer. Which server that is (Windows Update, Microsoft Update, WSUS) is
// the machine's own setting.
func Read(ctx context.Context, sh Shell, online bool) (*Answer, error) {
	out, err := sh.Run(ctx, Script(online))
	if err != nil {
		return nil, fmt.Errorf("ask the Windows Update Agent: %w", err)
	}
	return Parse(out)
}

// Script is the PowerShell text that asks.
func Script(online bool) string {
	if online {
		return "$online = $true\n" + search
	}
	return "$online = $false\n" + search
}
