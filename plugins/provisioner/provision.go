package provisioner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// MarkerPath is where the marker is planted on the instance: a JSON object with the
// marker and the run's id.
const MarkerPath = "/var/lib/rehydrate/marker"

// NothingToDo begins the error line of a build that was ended because the lock
// would be the same; the lock's identity follows in parentheses.
const NothingToDo = "rehydrate: nothing to do: the lock would be identical"

// Provisioner patches the build instance.
type Provisioner struct{ config Config }

// Provision runs on the build instance. Whatever happens, it leaves nothing in the
// remote folder.
func (p *Provisioner) Provision(ctx context.Context, ui packersdk.Ui, comm packersdk.Communicator, _ map[string]any) (err error) {
	req, err := p.config.request()
	if err != nil {
		return err
	}
	r := &remote{comm: comm, ui: ui, cfg: &p.config}
	defer func() {
		// The build's context may be the reason that we are here.
		cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if cerr := r.close(cctx); cerr != nil {
			if err == nil {
				// An image must not carry our files.
				err = cerr
				return
			}
			ui.Error(cerr.Error())
		}
	}()
	report, err := p.patch(ctx, r, req)
	if err != nil {
		return err
	}
	if err := p.config.save(report); err != nil {
		return err
	}
	if report.Skipped {
		return fmt.Errorf("%s (%s)", NothingToDo, p.config.SkipIdentity)
	}
	if report.Error != "" {
		return fmt.Errorf("patch the instance: %s", report.Error)
	}
	if err := r.plant(ctx); err != nil {
		return err
	}
	return p.rebootAndScan(ctx, r, req, report)
}

// patch has the node patch itself, and fetches report and bundle.
func (p *Provisioner) patch(ctx context.Context, r *remote, req *record.NodeRequest) (*record.NodeReport, error) {
	err := r.phase(ctx, "upload", func(ctx context.Context) error {
		if err := r.open(ctx); err != nil {
			return err
		}
		return r.uploadBundle(ctx, req)
	})
	if err != nil {
		return nil, err
	}
	report, err := r.node(ctx, req)
	if err != nil {
		return nil, err
	}
	if report.Skipped || report.Error != "" || p.config.BundleOut == "" {
		return report, nil
	}
	err = r.phase(ctx, "download", func(context.Context) error {
		return r.downloadBundle(report.Lock)
	})
	return report, err
}

// phase runs f with the phase's time limit.
func (r *remote) phase(ctx context.Context, name string, f func(context.Context) error) error {
	limit := r.cfg.Timeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("phase %q took longer than %s", name, limit))
	defer cancel()
	return f(ctx)
}

// node runs rehydrate-node with a request and returns its report. A report that
// holds an error is returned like any other.
func (r *remote) node(ctx context.Context, req *record.NodeRequest) (*record.NodeReport, error) {
	var report *record.NodeReport
	err := r.phase(ctx, req.Operation, func(ctx context.Context) error {
		b, err := json.Marshal(req)
		if err != nil {
			return err
		}
		if err := r.upload(r.path("request.json"), bytes.NewReader(b)); err != nil {
			return fmt.Errorf("upload the request: %w", err)
		}
		r.ui.Say("rehydrate-node: " + req.Operation)
		_, rerr := r.asRoot(ctx, r.path("rehydrate-node")+" run --request "+r.path("request.json")+" --report "+r.path("report.json"), r.ui.Say)
		if ctx.Err() != nil {
			return fmt.Errorf("run rehydrate-node on the instance: %w", rerr)
		}
		report, err = r.fetchReport(ctx)
		if err != nil && rerr != nil {
			return fmt.Errorf("run rehydrate-node on the instance: %w", rerr)
		}
		if err != nil {
			return err
		}
		if rerr != nil && report.Error == "" {
			// A status without a reason is a failure all the same.
			report.Error = rerr.Error()
		}
		return nil
	})
	return report, err
}

func (r *remote) fetchReport(ctx context.Context) (*record.NodeReport, error) {
	if err := r.own(ctx); err != nil {
		return nil, fmt.Errorf("make the report readable: %w", err)
	}
	b, err := r.download(r.path("report.json"))
	if err != nil {
		return nil, fmt.Errorf("download the report: %w", err)
	}
	var report record.NodeReport
	if err := json.Unmarshal(b, &report); err != nil {
		return nil, fmt.Errorf("read the report of the instance: %w", err)
	}
	if report.Schema != record.NodeSchema {
		return nil, fmt.Errorf("read the report of the instance: schema %d, want %d", report.Schema, record.NodeSchema)
	}
	return &report, nil
}

// plant writes the marker.
func (r *remote) plant(ctx context.Context) error {
	if r.cfg.Marker == "" {
		return nil
	}
	body, err := json.Marshal(map[string]string{"marker": r.cfg.Marker, "run": r.cfg.Run})
	if err != nil {
		return err
	}
	from := r.path("marker")
	if err := r.upload(from, bytes.NewReader(append(body, '\n'))); err != nil {
		return fmt.Errorf("upload the marker: %w", err)
	}
	script := "mkdir -p " + path.Dir(MarkerPath) + " && cp " + from + " " + MarkerPath +
		" && chown 0:0 " + MarkerPath + " && chmod 0644 " + MarkerPath
	if _, err := r.asRoot(ctx, script, nil); err != nil {
		return fmt.Errorf("plant the marker: %w", err)
	}
	return nil
}

// request is what the configuration's files ask of the node.
func (c *Config) request() (*record.NodeRequest, error) {
	req := &record.NodeRequest{
		Schema:       record.NodeSchema,
		Operation:    "Install",
		Now:          c.now,
		SkipIdentity: c.SkipIdentity,
		RebootOption: "NoReboot", // the provisioner reboots, not the node
		LockTimeout:  int(c.LockTimeout / time.Second),
		Bundle:       c.RemoteDir + "/bundle",
	}
	b, err := os.ReadFile(c.BaselineFile)
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	if _, err := baseline.Parse(b); err != nil {
		return nil, fmt.Errorf("read the baseline %s: %w", c.BaselineFile, err)
	}
	req.Baseline = b
	return req, errors.Join(
		readJSON("options_file", c.OptionsFile, &req.Options),
		readJSON("lock_file", c.LockFile, &req.Lock),
		readJSON("first_seen_file", c.FirstSeenFile, &req.FirstSeen),
	)
}

func readJSON(what, file string, into any) error {
	if file == "" {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: read %s: %w", what, file, err)
	}
	return nil
}
