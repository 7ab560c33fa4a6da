package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/discover"
)

// Discovery is what Discover found.
type Discovery struct {
	discover.Result
	accounts []discover.Account
	taken    []string // names of the fleets that there are
}

// Discover reads every group of every account and Region in the configuration; without
// account blocks, of the session's own.
func Discover(ctx context.Context, in FleetRequest) (*Discovery, error) {
	f := in.open()
	finder := discover.Finder{Stage: f.stage, Fleets: f.all}
	for _, i := range in.Config.Images {
		l := discover.Line{Name: i.Label, Channels: []string{i.Channel}, Arch: i.Architecture, Rings: i.Rings, Source: i.Source.ID, SourceName: i.Source.Name}
		for _, ring := range i.Rings {
			if c := i.Channels[ring]; c != "" {
				l.Channels = append(l.Channels, c)
			}
		}
		finder.Lines = append(finder.Lines, l)
	}
	d := &Discovery{}
	var err error
	for _, a := range in.Config.Accounts {
		d.accounts = append(d.accounts, discover.Account{Label: a.Label, ID: a.ID})
	}
	for _, f := range in.Config.Fleets {
		d.taken = append(d.taken, f.Label)
	}
	d.Result, err = finder.Find(ctx, f.cells.all(in.Config))
	// A shared image shows its tags to its owner alone; who is in a fleet has a line.
	for n := range d.Groups {
		if fleet := f.of[d.Groups[n].Fleet]; fleet != nil && d.Groups[n].Line == "" {
			d.Groups[n].Line = fleet.Image.Label
		}
	}
	return d, err
}

// all are the cells of all account blocks; home without any.
func (c *Cells) all(cfg *config.Config) []rollout.Cell {
	var out []rollout.Cell
	for _, a := range cfg.Accounts {
		for _, r := range a.Regions {
			out = append(out, rollout.Cell{Account: a.ID, Region: r})
		}
	}
	return c.full(out)
}

// Write writes what was found as hcl, json or table.
func (d *Discovery) Write(w io.Writer, format string) error {
	switch format {
	case "hcl":
		_, err := io.WriteString(w, discover.HCL(d.Result, d.accounts, d.taken...))
		return err
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(d.Result)
	case "table":
		return d.table(w)
	}
	return fault.New(fault.Usage, "", "unknown format %q: one of hcl, json, table", format)
}

func (d *Discovery) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tACCOUNT\tREGION\tINSTANCES\tIMAGE\tOWNER\tLINE\tFLEET\tBLOCKED BY")
	for _, g := range d.Groups {
		var blocked []string
		for _, f := range g.Blocks {
			if f.Refuse {
				blocked = append(blocked, f.Text)
			}
		}
		owner := strings.TrimSpace(g.Owner.Kind + " " + g.Owner.Name)
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", g.Name, g.Account, g.Region, g.Desired, cmp.Or(g.ImageName, g.Image, "–"), owner,
			cmp.Or(g.Line, "–"), cmp.Or(g.Fleet, "–"), cmp.Or(strings.Join(blocked, "; "), "–"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, u := range d.Unread {
		if _, err := fmt.Fprintf(out, "not read: %s\n", u.Text); err != nil {
			return err
		}
	}
	return nil
}
