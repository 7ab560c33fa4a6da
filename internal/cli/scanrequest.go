package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// scanRequest reads what the flags ask for, and opens nothing yet.
func scanRequest(c *cli.Context) (app.ScanRequest, error) {
	in := app.ScanRequest{Target: c.Args().First(), Tool: "rehydrate " + Version, Now: time.Now().UTC(), InventoryOnly: c.Bool("inventory-only"),
		Options: baseline.Options{AptApprovalDelay: c.Bool("apt-approval-delay")}, Depth: c.String("depth"), MaxAge: c.Duration("max-age"), Fetch: c.Bool("fetch")}
	if in.MaxAge < 0 {
		return in, fault.New(fault.Usage, "write it as 48h", "--max-age %s: an age is not negative", in.MaxAge)
	}
	switch in.Depth {
	case record.DepthPackages, record.DepthMetadata, record.DepthDigest:
	default:
		return in, fault.New(fault.Usage, "", "unknown --depth %q: packages, metadata or digest", in.Depth)
	}
	if in.InventoryOnly && (c.String("baseline") != "" || c.String("lock") != "" || c.String("metadata") != "") {
		return in, fault.New(fault.Usage, "leave it out to judge", "--inventory-only judges nothing: it goes with neither --baseline nor --lock nor --metadata")
	}
	if err := scanJudges(c, &in); err != nil {
		return in, err
	}
	for _, name := range c.StringSlice("keyring") {
		data, err := os.ReadFile(name)
		if err != nil {
			return in, fault.As(fmt.Errorf("read keyring: %w", err), fault.Usage, "")
		}
		in.Keyrings = append(in.Keyrings, data)
	}
	in.Cache = metadataCache(in.Target)
	in.Confirm = func(what string) error { return confirmReading(c, what) }
	return in, scanCloud(c, &in)
}

// metadataCache is where parsed metadata is kept, by the digest of the index that
// vouches for it. A target that holds the folder itself stays as it is: none then.
func metadataCache(target string) string {
	cache := os.Getenv("REHYDRATE_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		cache = filepath.Join(home, ".cache", "rehydrate")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return ""
	}
	if within, err := filepath.Rel(absolute(target), cache); err == nil && filepath.IsLocal(within) {
		return ""
	}
	return filepath.Join(cache, "metadata")
}

// absolute is the folder that a target's name means, through links; the name itself
// where there is none.
func absolute(target string) string {
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
	}
	if abs, err := filepath.Abs(target); err == nil {
		return abs
	}
	return target
}

// scanJudges reads what the target is judged by.
func scanJudges(c *cli.Context, in *app.ScanRequest) error {
	if name := c.String("baseline"); name != "" {
		f, err := newShelf(c).one(name, "")
		if err != nil {
			return err
		}
		in.Baseline = f.Baseline
		in.Options.AptApprovalDelay = in.Options.AptApprovalDelay || f.AptApprovalDelay
	}
	if name := c.String("lock"); name != "" {
		data, err := os.ReadFile(name)
		if err == nil {
			in.Lock = &baseline.Lock{}
			err = json.Unmarshal(data, in.Lock)
		}
		if err == nil && in.Lock.Schema == 0 {
			err = errors.New("it is no lock")
		}
		if err != nil {
			return fault.As(fmt.Errorf("read lock %s: %w", name, err), fault.Usage, "")
		}
	}
	if name := c.String("metadata"); name != "" {
		var err error
		if in.Offers, err = app.ReadOffers(name); err != nil {
			return err
		}
	}
	return nil
}

// scanCloud prepares AWS without opening it: a root or an image on this machine
// needs neither configuration nor credentials.
func scanCloud(c *cli.Context, in *app.ScanRequest) error {
	state, err := app.OpenState(c.String("state"))
	if err != nil {
		return err
	}
	events, err := sink(c)
	if err != nil {
		return err
	}
	var cfg *config.Config
	load := func() (err error) {
		if cfg == nil {
			cfg, err = configIfThere(c)
		}
		return err
	}
	in.Cloud = func(context.Context) (*app.Cloud, error) {
		if err := load(); err != nil {
			return nil, err
		}
		return openCloud(c, &setup{cfg: cfg, state: state})
	}
	in.Instance = app.InstanceScan{State: state, Events: events, Node: nodeBeside(), Bucket: c.String("bucket")}
	if strings.HasPrefix(in.Target, "i-") && in.Instance.Bucket == "" {
		if err := load(); err != nil {
			return err
		}
		in.Instance.Bucket, in.Instance.Prefix = cfg.Artifacts.Bucket, cfg.Artifacts.Prefix
	}
	return nil
}
