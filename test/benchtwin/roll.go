package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asgtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// rollLimit is how much virtual time the roll may take.
const rollLimit = 48 * time.Hour

// roll refreshes every group of the world, over the wire, and waits in virtual time
// until the last one has ended.
func roll(ctx context.Context, t *twin.Twin, c *checks) (virtual time.Duration, err error) {
	w := t.World()
	release := w.Clock().Hold("the refreshes are being started")
	began := w.Clock().Now()
	err = c.s.each(func(account, region string) error {
		if err := w.Do(account, region, c.begin); err != nil {
			return err
		}
		return start(ctx, config(t, account, region), c.s, region)
	}, func() {
		w.Watch(c.see)
		_ = w.Do("-", "-", func(*world.Tx) error { c.rolling = true; return nil }) // a world that is open takes it
	})
	release()
	if err != nil {
		return 0, err
	}
	for {
		ended := 0
		err := w.Do("-", "-", func(tx *world.Tx) error { ended, virtual = c.ended(), tx.Now.Sub(began); return nil })
		switch {
		case err != nil:
			return virtual, err
		case ended == c.s.allGroups():
			return virtual, nil
		case virtual > rollLimit:
			return virtual, fmt.Errorf("%d of %d refreshes have ended after %s", ended, c.s.allGroups(), virtual)
		}
		if err := w.Clock().Sleep(ctx, client, w.Clock().Now().Add(time.Minute)); err != nil {
			return virtual, err
		}
	}
}

// each calls first once and then f with every account and region.
func (s shape) each(f func(account, region string) error, first func()) error {
	first()
	for a := range s.accounts {
		for r := range s.regions {
			if err := f(s.account(a), s.region(r)); err != nil {
				return fmt.Errorf("%s/%s: %w", s.account(a), s.region(r), err)
			}
		}
	}
	return nil
}

// start makes version 2 of a place's template and begins the refresh of its groups.
func start(ctx context.Context, cfg aws.Config, s shape, region string) error {
	compute, scaling := ec2.NewFromConfig(cfg), asg.NewFromConfig(cfg)
	images, err := compute.DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{{Name: aws.String("name"), Values: []string{"web-new"}}}})
	if err != nil {
		return err
	}
	if len(images.Images) != 1 {
		return fmt.Errorf("%d images are named web-new", len(images.Images))
	}
	v, err := compute.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: aws.String(template),
		SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: images.Images[0].ImageId}})
	if err != nil {
		return err
	}
	if *v.LaunchTemplateVersion.VersionNumber != 2 {
		return errors.New("the new version is not 2")
	}
	for g := range s.groups {
		_, err := scaling.StartInstanceRefresh(ctx, &asg.StartInstanceRefreshInput{
			AutoScalingGroupName: aws.String(group(g)),
			DesiredConfiguration: &asgtypes.DesiredConfiguration{LaunchTemplate: &asgtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String(template), Version: aws.String("2")}},
			Preferences:          &asgtypes.RefreshPreferences{MinHealthyPercentage: aws.Int32(90)},
		})
		if err != nil {
			return fmt.Errorf("start the refresh of %s: %w", group(g), err)
		}
	}
	return nil
}

// sample reads the end over the wire: every refresh and group, and every instance of
// one group of each place as EC2 has it.
func sample(ctx context.Context, t *twin.Twin, s shape) (groups, instances int, err error) {
	err = s.each(func(account, region string) error {
		cfg := config(t, account, region)
		scaling := asg.NewFromConfig(cfg)
		for pages := asg.NewDescribeAutoScalingGroupsPaginator(scaling, nil); pages.HasMorePages(); {
			out, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, g := range out.AutoScalingGroups {
				groups++
				if err := finished(g, s.instances); err != nil {
					return fmt.Errorf("%s: %w", *g.AutoScalingGroupName, err)
				}
				r, err := scaling.DescribeInstanceRefreshes(ctx, &asg.DescribeInstanceRefreshesInput{AutoScalingGroupName: g.AutoScalingGroupName})
				if err != nil {
					return err
				}
				if len(r.InstanceRefreshes) != 1 || r.InstanceRefreshes[0].Status != asgtypes.InstanceRefreshStatusSuccessful || *r.InstanceRefreshes[0].PercentageComplete != 100 {
					return fmt.Errorf("the refresh of %s did not succeed", *g.AutoScalingGroupName)
				}
			}
		}
		n, err := instancesOf(ctx, ec2.NewFromConfig(cfg), group(groups%s.groups), s.instances)
		instances += n
		return err
	}, func() {})
	if err == nil && groups != s.allGroups() {
		err = fmt.Errorf("%d groups, want %d", groups, s.allGroups())
	}
	return groups, instances, err
}

func instancesOf(ctx context.Context, compute *ec2.Client, group string, want int) (n int, err error) {
	pages := ec2.NewDescribeInstancesPaginator(compute, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000), Filters: []ec2types.Filter{
		{Name: aws.String("tag:aws:autoscaling:groupName"), Values: []string{group}}, {Name: aws.String("instance-state-name"), Values: []string{"running"}}}})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return n, err
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				n++
				for _, tag := range i.Tags {
					if *tag.Key == "aws:ec2launchtemplate:version" && *tag.Value != "2" {
						return n, fmt.Errorf("instance %s of %s runs version %s", *i.InstanceId, group, *tag.Value)
					}
				}
			}
		}
	}
	if n != want {
		return n, fmt.Errorf("EC2 has %d running instances of %s, want %d", n, group, want)
	}
	return n, nil
}
