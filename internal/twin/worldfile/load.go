package worldfile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// EC2 is what the loader needs of EC2; *ec2.Service is one.
type EC2 interface {
	Images
	MakeTemplate(tx *world.Tx, name, description string, data types.RequestLaunchTemplateData, tags map[string]string) (ec2.LaunchTemplate, error)
	Launch(tx *world.Tx, spec ec2.LaunchSpec) (string, error)
	Zones(tx *world.Tx) []string
	SetHost(tx *world.Tx, name, address string)
	Join(tx *world.Tx, account string, arns ...string) error
}

// Groups makes Auto Scaling groups.
type Groups interface {
	// CreateGroup makes a group; settled, its instances have been in service all along.
	CreateGroup(tx *world.Tx, in *autoscaling.CreateAutoScalingGroupInput, settled bool) error
}

// Loader makes worlds.
type Loader struct {
	World  *world.World
	EC2    EC2
	Groups Groups // nil refuses files with groups
	// Targets may be nil, which refuses files with target groups.
	Targets Targets
	Keys    Keys // nil refuses files with keys
}

// Targets makes target groups.
type Targets interface {
	MakeTargetGroup(tx *world.Tx, name string, interval, drain time.Duration, healthy, unhealthy int32) (arn string, err error)
}

// settle is File.Settle's usual value: instances run from the start, but target groups
// want their health checks.
const settle = 10 * time.Minute

// Load fills the world and, if groups were made, lets them settle: the clock goes
// File.Settle forward. It says how many things it made. All of it is saved
// at its end.
func (l *Loader) Load(f *File) (made int, err error) {
	err = l.World.Bulk(func() error {
		made, err = l.load(f)
		return err
	})
	return made, err
}

func (l *Loader) load(f *File) (made int, err error) {
	groups := 0
	err = l.World.Do("-", "-", func(tx *world.Tx) error {
		made, groups, err = l.Fill(tx, f)
		return err
	})
	if err != nil {
		return 0, err
	}
	if groups > 0 && f.Settle >= 0 {
		d := time.Duration(f.Settle)
		if d == 0 {
			d = settle
		}
		l.World.Clock().Step(d)
	}
	return made, nil
}

// Fill makes what the file describes and the world does not have yet, all of it or,
// with an error that names the first thing that cannot be made, nothing. It says how
// many things, and how many of them groups, it made. A thing is known by its key or
// name, place and kind: one that was made once is left as it is now, also when it is
// gone.
func (l *Loader) Fill(tx *world.Tx, f *File) (made, groups int, err error) {
	if err := l.places(tx, f); err != nil {
		return 0, 0, err
	}
	for _, step := range []func(*world.Tx, *File) (int, error){l.roles, l.keys, l.quotas, l.images, l.templates, l.instances, l.targetGroups, l.groups} {
		if groups, err = step(tx, f); err != nil {
			return 0, 0, err
		}
		made += groups // the last step's count stays
	}
	return made, groups, nil
}

// once runs fn in its place unless it has been run under that key before.
func once(tx *world.Tx, p Place, kind, key string, fn func(tx *world.Tx) (id string, err error)) (made int, err error) {
	here := tx.In(p.Account, p.Region)
	rows := world.Table[string](here, "worldfile/"+kind)
	if _, ok := rows.Get(key); ok {
		return 0, nil
	}
	if sts.Declared(tx) { // an account with something in it is one
		sts.DeclareAccount(tx, p.Account)
	}
	id, err := fn(here)
	if err != nil {
		return 0, fmt.Errorf("make %s %s in %s/%s: %w", kind, key, p.Account, p.Region, err)
	}
	rows.Put(key, id)
	return 1, nil
}

// each adds up what f makes of every item.
func each[T any](items []T, f func(T) (int, error)) (made int, err error) {
	for _, i := range items {
		n, err := f(i)
		if err != nil {
			return made, err
		}
		made += n
	}
	return made, nil
}

// id finds what a key of this kind stands for; anything else is an id already.
func id(tx *world.Tx, kind, key string) string {
	if id, ok := world.Table[string](tx, "worldfile/"+kind).Get(key); ok {
		return id
	}
	return key
}

func (l *Loader) templates(tx *world.Tx, f *File) (int, error) {
	return each(f.Templates, func(t Template) (int, error) {
		return once(tx, t.Place, "template", t.Name, func(tx *world.Tx) (string, error) {
			lt, err := l.EC2.MakeTemplate(tx, t.Name, "", t.data(f.imageID(tx, t.Image)), t.Tags)
			return lt.ID, err
		})
	})
}

// data is the template's version 1.
func (t Template) data(image string) types.RequestLaunchTemplateData {
	data := types.RequestLaunchTemplateData{}
	if t.Data != nil {
		data = *t.Data
	}
	data.ImageId = &image
	if t.Type != "" {
		data.InstanceType = types.InstanceType(t.Type)
	}
	if t.UserData != "" {
		data.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte(t.UserData)))
	}
	if len(t.InstanceTags) > 0 {
		spec := types.LaunchTemplateTagSpecificationRequest{ResourceType: types.ResourceTypeInstance}
		for _, k := range sorted(t.InstanceTags) {
			spec.Tags = append(spec.Tags, types.Tag{Key: aws.String(k), Value: aws.String(t.InstanceTags[k])})
		}
		data.TagSpecifications = append(data.TagSpecifications, spec)
	}
	return data
}

func (l *Loader) instances(tx *world.Tx, f *File) (int, error) {
	return each(f.Instances, func(i Instance) (int, error) {
		return once(tx, i.Place, "instance", i.Key, func(tx *world.Tx) (string, error) {
			return l.EC2.Launch(tx, ec2.LaunchSpec{Image: f.imageID(tx, i.Image), Type: i.Type, Tags: i.Tags, By: "world", Settled: true})
		})
	})
}

func (l *Loader) groups(tx *world.Tx, f *File) (int, error) {
	return each(f.Groups, func(g Group) (int, error) {
		return once(tx, g.Place, "group", g.Name, func(tx *world.Tx) (string, error) {
			if l.Groups == nil {
				return "", errors.New("this twin has no Auto Scaling")
			}
			in := g.input(l.EC2.Zones(tx))
			for _, name := range g.TargetGroups {
				in.TargetGroupARNs = append(in.TargetGroupARNs, id(tx, "target group", name))
			}
			return g.Name, l.Groups.CreateGroup(tx, in, f.Settle >= 0)
		})
	})
}

func (l *Loader) targetGroups(tx *world.Tx, f *File) (int, error) {
	return each(f.TargetGroups, func(g TargetGroup) (int, error) {
		return once(tx, g.Place, "target group", g.Name, func(tx *world.Tx) (string, error) {
			if l.Targets == nil {
				return "", errors.New("this twin has no Elastic Load Balancing")
			}
			return l.Targets.MakeTargetGroup(tx, g.Name, time.Duration(g.Interval), time.Duration(g.Drain), g.Healthy, g.Unhealthy)
		})
	})
}

// input is the request that makes the group.
func (g Group) input(zones []string) *autoscaling.CreateAutoScalingGroupInput {
	version := g.Version
	if version == "" {
		version = "1"
	}
	if len(g.Zones) > 0 {
		zones = g.Zones
	}
	in := &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &g.Name, MinSize: &g.Min, MaxSize: &g.Max, DesiredCapacity: &g.Desired, AvailabilityZones: zones,
		LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: &g.Template, Version: &version},
	}
	if g.Warmup > 0 {
		in.DefaultInstanceWarmup = seconds(g.Warmup)
	}
	if g.Grace > 0 {
		in.HealthCheckGracePeriod = seconds(g.Grace)
	}
	if g.HealthCheck != "" {
		in.HealthCheckType = &g.HealthCheck
	}
	for _, k := range sorted(g.Tags) {
		in.Tags = append(in.Tags, asgtypes.Tag{Key: aws.String(k), Value: aws.String(g.Tags[k]), PropagateAtLaunch: aws.Bool(true),
			ResourceId: &g.Name, ResourceType: aws.String("auto-scaling-group")})
	}
	g.more(in)
	return in
}

func seconds(d Duration) *int32 { return aws.Int32(int32(time.Duration(d) / time.Second)) }
