package worldfile

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// EC2 is what the loader needs of EC2; *ec2.Service is one.
type EC2 interface {
	Images
	MakeTemplate(tx *world.Tx, name, description string, data types.RequestLaunchTemplateData, tags map[string]string) (ec2.LaunchTemplate, error)
	Launch(tx *world.Tx, spec ec2.LaunchSpec) (string, error)
	Zones(tx *world.Tx) []string
	SetHost(tx *world.Tx, name, address string)
}

// Groups makes Auto Scaling groups.
type Groups interface {
	CreateGroup(tx *world.Tx, in *autoscaling.CreateAutoScalingGroupInput) error
}

// Loader makes worlds.
type Loader struct {
	World  *world.World
	EC2    EC2
	Groups Groups // nil refuses files with groups
}

// settle is File.Settle's usual value: launches take half a minute and groups launch
// in batches.
const settle = 10 * time.Minute

// Load makes what the file describes and the world does not have yet, and says how
// many things it made. A thing is known by its key or name, place and kind: one that
// was made once is left as it is now, also when it is gone. Each thing is made in a
// transaction of its own, so that a failure says which one it was.
func (l *Loader) Load(f *File) (made int, err error) {
	before := made
	for _, step := range []func(*File, *int) error{l.places, l.images, l.templates, l.instances} {
		if err := step(f, &made); err != nil {
			return made, err
		}
	}
	before = made
	if err := l.groups(f, &made); err != nil {
		return made, err
	}
	if made > before && f.Settle >= 0 {
		d := time.Duration(f.Settle)
		if d == 0 {
			d = settle
		}
		l.World.Clock().Step(d)
	}
	return made, nil
}

// once runs fn in its place unless it has been run under that key before.
func (l *Loader) once(p Place, kind, key string, made *int, fn func(tx *world.Tx) (id string, err error)) error {
	fresh := false
	err := l.World.Do(p.Account, p.Region, func(tx *world.Tx) error {
		rows := world.Table[string](tx, "worldfile/"+kind)
		if _, ok := rows.Get(key); ok {
			return nil
		}
		id, err := fn(tx)
		if err != nil {
			return err
		}
		rows.Put(key, id)
		fresh = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("make %s %s in %s/%s: %w", kind, key, p.Account, p.Region, err)
	}
	if fresh {
		*made++
	}
	return nil
}

// id finds what a key of this kind stands for; anything else is an id already.
func id(tx *world.Tx, kind, key string) string {
	if id, ok := world.Table[string](tx, "worldfile/"+kind).Get(key); ok {
		return id
	}
	return key
}

func (l *Loader) templates(f *File, made *int) error {
	for _, t := range f.Templates {
		err := l.once(t.Place, "template", t.Name, made, func(tx *world.Tx) (string, error) {
			data := types.RequestLaunchTemplateData{}
			if t.Data != nil {
				data = *t.Data
			}
			data.ImageId = aws.String(f.imageID(tx, t.Image))
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
			lt, err := l.EC2.MakeTemplate(tx, t.Name, "", data, t.Tags)
			return lt.ID, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) instances(f *File, made *int) error {
	for _, i := range f.Instances {
		err := l.once(i.Place, "instance", i.Key, made, func(tx *world.Tx) (string, error) {
			return l.EC2.Launch(tx, ec2.LaunchSpec{Image: f.imageID(tx, i.Image), Type: i.Type, Tags: i.Tags, By: "world", Settled: true})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) groups(f *File, made *int) error {
	for _, g := range f.Groups {
		if l.Groups == nil {
			return fmt.Errorf("make group %s: this twin has no Auto Scaling", g.Name)
		}
		err := l.once(g.Place, "group", g.Name, made, func(tx *world.Tx) (string, error) {
			return g.Name, l.Groups.CreateGroup(tx, g.input(l.EC2.Zones(tx)))
		})
		if err != nil {
			return err
		}
	}
	return nil
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
	for _, k := range sorted(g.Tags) {
		in.Tags = append(in.Tags, asgtypes.Tag{Key: aws.String(k), Value: aws.String(g.Tags[k]), PropagateAtLaunch: aws.Bool(true),
			ResourceId: &g.Name, ResourceType: aws.String("auto-scaling-group")})
	}
	return in
}

func seconds(d Duration) *int32 { return aws.Int32(int32(time.Duration(d) / time.Second)) }
