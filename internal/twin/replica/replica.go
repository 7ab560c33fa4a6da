package replica

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

// Options are what a copy is made of.
type Options struct {
	Groups []Group
	Images []Image
	Start  time.Time // of its virtual time; zero is now
	Seed   int64
}

// Replica is a twin that holds a copy. Its state is in memory.
type Replica struct {
	*twin.Twin
	groups  *autoscaling.Service
	alarms  *cloudwatch.Service
	compute *ec2.Service

	mu     sync.Mutex
	later  sync.WaitGroup
	failed error // of what After did
}

// Open makes the copy, with every group in service.
func Open(o Options) (*Replica, error) {
	f, err := file(o.Groups, o.Images)
	if err != nil {
		return nil, err
	}
	return open(f, o.Start, o.Seed)
}

// OpenFile is a replica of a world file's world, with package data for its real roots.
func OpenFile(f *worldfile.File, seed int64) (*Replica, error) {
	g := *f
	g.Images = slices.Clone(f.Images)
	for i := range g.Images {
		if g.Images[i].Root != "" {
			g.Images[i].Root, g.Images[i].Modelled = "", &backing.ModelledImage{OS: "DEBIAN", Product: "Debian12", Arch: "amd64"}
		}
	}
	g.Archives = nil
	return open(&g, f.Start, seed)
}

func open(f *worldfile.File, start time.Time, seed int64) (r *Replica, err error) {
	r = &Replica{}
	r.Twin, err = twin.New(twin.Options{Seed: seed, Start: start, Version: "rehearsal", Build: func(w *world.World, dir string) (twin.Services, error) {
		machines := &backing.Router{Modelled: modelled.New(modelled.Options{})}
		compute := ec2.New(w, machines, filepath.Join(dir, "machines"))
		systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: machines, Objects: s3.New(filepath.Join(dir, "s3"))})
		r.compute, r.groups = compute, autoscaling.New(w, compute)
		balancing := elbv2.New(w, compute)
		r.groups.Balance(balancing)
		r.alarms = cloudwatch.New(r.groups.SetAlarm)
		r.alarms.Meter(compute.VCPUs)
		compute.ResolveParameter = systems.Resolve
		return twin.Services{
			Wire: []*wire.Service{compute.Wire(), systems.Wire(), r.groups.Wire(), sts.New(), r.alarms.Wire(), balancing.Wire()},
			Resume: func() error {
				_, err := (&worldfile.Loader{World: w, EC2: compute, Groups: r.groups, Targets: balancing}).Load(f)
				return err
			},
			Close: machines.Close,
		}, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("copy the fleet into the twin: %w", err)
	}
	return r, nil
}

// Clock is the copy's time for a client.
func (r *Replica) Clock(client string) *Clock { return &Clock{r.World(), client} }

// Clock is a world's time, as one of its clients has it.
type Clock struct {
	w      *world.World
	client string
}

// Now is the virtual time.
func (c *Clock) Now() time.Time { return c.w.Clock().Now() }

// Sleep waits in virtual time.
func (c *Clock) Sleep(ctx context.Context, until time.Time) error {
	return c.w.Clock().Sleep(ctx, c.client, until)
}

// After does f before the copy's time goes on. It may be called from Watch.
func (r *Replica) After(f func() error) {
	release := r.World().Clock().Hold("the rehearsal's fault")
	r.later.Add(1)
	go func() {
		defer r.later.Done()
		defer release()
		err := f()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed = errors.Join(r.failed, err)
	}()
}

// Wait waits for what After began, and returns what failed in it.
func (r *Replica) Wait() error {
	r.later.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// SetAlarm makes an alarm if there is none of the name, and puts it in ALARM or OK.
func (r *Replica) SetAlarm(account, region, name string, on bool) error {
	state := cwtypes.StateValueOk
	if on {
		state = cwtypes.StateValueAlarm
	}
	return r.World().Do(account, region, func(tx *world.Tx) error {
		_, err := r.alarms.PutMetricAlarm(tx, &cw.PutMetricAlarmInput{AlarmName: &name, MetricName: aws.String("rehearsal"), Namespace: aws.String("rehearsal"),
			Statistic: cwtypes.StatisticMaximum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1),
			ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold})
		if err == nil {
			_, err = r.alarms.SetAlarmState(tx, &cw.SetAlarmStateInput{AlarmName: &name, StateValue: state, StateReason: aws.String("rehearsal")})
		}
		return err
	})
}

// FailNew makes instances that a group launches from now on fail their health checks,
// or no more.
func (r *Replica) FailNew(account, region, group string, on bool) error {
	return r.World().Do(account, region, func(tx *world.Tx) error {
		_, err := r.groups.CreateOrUpdateTags(tx, &asg.CreateOrUpdateTagsInput{Tags: []asgtypes.Tag{{Key: aws.String(autoscaling.FaultTag), Value: aws.String(fmt.Sprint(on)),
			PropagateAtLaunch: aws.Bool(true), ResourceId: &group, ResourceType: aws.String("auto-scaling-group")}}})
		return err
	})
}

// Suspend suspends processes of a group, as they are in the original.
func (r *Replica) Suspend(account, region, group string, processes []string) error {
	return r.World().Do(account, region, func(tx *world.Tx) error {
		_, err := r.groups.SuspendProcesses(tx, &asg.SuspendProcessesInput{AutoScalingGroupName: &group, ScalingProcesses: processes})
		return err
	})
}
