package app

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	"github.com/goldenami/rehydrate/internal/twin/roots"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
	"github.com/goldenami/rehydrate/internal/wait"
)

// TwinOptions say how a twin is served.
type TwinOptions struct {
	Dir    string
	World  World
	Listen string
	Clock  string // auto, real, manual or rate=N
	Faults string // file
	// Credentials is a file of access keys (twin.ReadCredentials): only these are
	// answered, and their signatures are checked. Empty answers every key.
	Credentials string
	Idle        time.Duration
	Seed        int64
	// Version is this program's, for the twin's health answer.
	Version string
	Ready   func(endpoint string)
}

// ServeTwin runs a twin in this process until ctx ends or it is told to stop.
func ServeTwin(ctx context.Context, o TwinOptions) error {
	t, err := twinOptions(o)
	if err != nil {
		return err
	}
	if err := noteBuild(o.Dir); err != nil {
		return fmt.Errorf("serve twin: %w", err)
	}
	return twin.Serve(ctx, t, twin.ServeOptions{Listen: o.Listen, Idle: o.Idle, Ready: o.Ready})
}

func twinOptions(o TwinOptions) (twin.Options, error) {
	mode, rate, err := twin.ParseClock(o.Clock)
	if err != nil {
		return twin.Options{}, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return twin.Options{}, fmt.Errorf("find twin state %s: %w", o.Dir, err)
	}
	out := twin.Options{Dir: dir, Seed: o.seed(dir), Mode: mode, Rate: rate, Version: o.Version}
	if o.Faults != "" {
		if out.Faults, err = twin.ReadRules(o.Faults); err != nil {
			return out, fault.As(fmt.Errorf("read fault plan %s: %w", o.Faults, err), fault.Usage, "")
		}
	}
	if o.Credentials != "" {
		c, err := twin.ReadCredentials(o.Credentials)
		if err != nil {
			return out, err
		}
		out.Secrets, out.Keys = c.Secrets, c.Accounts
	}
	var file *worldfile.File
	if o.World.File != "" {
		if file, err = readWorld(o.World); err != nil {
			return out, err
		}
		out.Start = file.Start
	}
	out.Build = func(w *world.World, dir string) (twin.Services, error) { return buildTwin(w, dir, file) }
	return out, nil
}

// seed is what was asked for or, without that, the state folder's: the loopback
// network of the machines comes from it, and twins side by side must not share one.
func (o TwinOptions) seed(dir string) int64 {
	if o.Seed != 0 {
		return o.Seed
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(dir)) // a hash takes everything
	return int64(h.Sum64())
}

func readWorld(w World) (*worldfile.File, error) {
	set := map[string]string{}
	for _, s := range w.Set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fault.New(fault.Usage, "", "--set %q: write NAME=VALUE", s)
		}
		set[name] = value
	}
	if w.File == "" {
		return nil, fault.New(fault.Usage, "add --world FILE", "--set gives values to a world file, and none is named")
	}
	f, err := worldfile.Read(w.File, set)
	return f, fault.As(err, fault.Usage, "")
}

// buildTwin puts the services together over a world.
func buildTwin(w *world.World, dir string, file *worldfile.File) (twin.Services, error) {
	busy := &holds{clock: w.Clock(), by: map[string]func(){}}
	var compute *ec2.Service
	router := &backing.Router{Modelled: modelled.New(modelled.Options{Repository: worldfile.Repositories(w), Clock: worldClock{w}})}
	machines := filepath.Join(dir, "machines")
	if err := os.MkdirAll(machines, 0o755); err != nil {
		return twin.Services{}, err
	}
	if roots.Check(machines) == nil {
		real, err := roots.New(roots.Options{Log: os.Stderr, OnBusy: busy.set,
			OnPower: func(e backing.PowerEvent) { compute.Power(e) }})
		if err != nil {
			return twin.Services{}, err
		}
		router.Real = real
	}
	objects := s3.New(filepath.Join(dir, "s3"))
	compute = ec2.New(w, router, machines)
	compute.Hurry = true // docs/decisions/0004-the-first-look.md
	keys := kms.New()
	systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: router, Objects: objects, Payload: payload,
		Key: keys.Ready})
	groups := autoscaling.New(w, compute)
	balancing := elbv2.New(w, compute)
	groups.Balance(balancing)
	watch := cloudwatch.New(groups.SetAlarm)
	groups.Watch(watch)
	watch.Meter(compute.VCPUs)
	compute.ResolveParameter, compute.ImageParameters = systems.Resolve, systems.ImageParameters
	ctx, stop := context.WithCancel(context.Background())
	var stopped func()
	return twin.Services{
		Wire: []*wire.Service{compute.Wire(), systems.Wire(), groups.Wire(), ebs.New(compute).Wire(), objects.Wire(), sts.New(),
			watch.Wire(), keys.Wire(), sns.New(), eventbridge.New(), servicequotas.New(), balancing.Wire()},
		Admin: map[string]http.Handler{"GET " + worldfile.IndexPath: worldfile.ServeIndex(w)},
		Resume: func() (err error) {
			if file != nil {
				if _, err := (&worldfile.Loader{World: w, EC2: compute, Groups: groups, Targets: balancing, Keys: keys}).Load(file); err != nil {
					return err
				}
				if err := makeBuckets(w, objects, file); err != nil {
					return err
				}
			}
			if stopped, err = worldfile.Serve(ctx, w); err != nil {
				return err
			}
			return errors.Join(compute.Resume(), systems.Resume())
		},
		Close: func() error {
			stop()
			if stopped != nil {
				stopped()
			}
			return router.Close()
		},
	}, nil
}

func makeBuckets(w *world.World, objects *s3.Service, f *worldfile.File) error {
	return w.Do(f.Account, f.Region, func(tx *world.Tx) error {
		for _, b := range f.Buckets {
			if err := objects.MakeBucket(tx, b.Name, string(b.Policy)); err != nil {
				return fmt.Errorf("make bucket %s: %w", b.Name, err)
			}
		}
		return nil
	})
}

// holds keep the clock at the wall's pace while a machine runs a command, also one
// that came over SSH.
type holds struct {
	clock *world.Clock
	mu    sync.Mutex
	by    map[string]func()
}

func (h *holds) set(id string, busy bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	release := h.by[id]
	switch {
	case busy && release == nil:
		h.by[id] = h.clock.Hold("a command runs in " + id)
	case !busy && release != nil:
		delete(h.by, id)
		release()
	}
}

// worldClock is the world's time for the modelled patch agent, which never sleeps.
type worldClock struct{ w *world.World }

func (c worldClock) Now() time.Time { return c.w.Clock().Now() }
func (c worldClock) Sleep(ctx context.Context, until time.Time) error {
	return wait.Wall{}.Sleep(ctx, time.Now().Add(until.Sub(c.Now())))
}

// TwinStatus says whether a twin runs for the state folder, and its time.
func TwinStatus(ctx context.Context, dir string) (any, error) {
	e, ok := twin.Find(dir)
	if !ok {
		return nil, fault.New(fault.NotFound, "`rehydrate twin serve` starts one", "no twin runs for %s", dir)
	}
	h, err := twin.Ask(ctx, e)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"endpoint": e, "health": h}
	if c, ok := wait.Detect(ctx, e); ok {
		out["now"] = c.Now()
	}
	return out, nil
}

// stopLimit is how long a twin may take to end its machines.
const stopLimit = 30 * time.Second

// StopTwin ends the twin of a state folder and waits until it is gone.
func StopTwin(ctx context.Context, dir string) error {
	e, ok := twin.Find(dir)
	if !ok {
		return nil // nothing to do is done
	}
	if err := twin.Stop(ctx, e); err != nil {
		return err
	}
	return wait.Poll(ctx, wait.Wall{}, "the twin to end", 50*time.Millisecond, stopLimit, func(context.Context) (bool, error) {
		_, runs := twin.Find(dir)
		return !runs, nil
	})
}
