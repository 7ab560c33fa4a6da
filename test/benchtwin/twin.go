package main

import (
	"context"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

// client is the name under which this program takes its time from the twin.
const client = "benchtwin"

// open is a twin with a state folder and modelled machines that holds the file's
// world, as "rehydrate twin serve --world" makes it.
func open(dir string, s shape, file *worldfile.File) (*twin.Twin, *checks, error) {
	c := newChecks(s)
	t, err := twin.New(twin.Options{Dir: dir, Seed: 1, Version: "benchtwin", Build: func(w *world.World, dir string) (twin.Services, error) {
		machines := &backing.Router{Modelled: modelled.New(modelled.Options{})}
		compute, objects := ec2.New(w, machines, filepath.Join(dir, "machines")), s3.New(filepath.Join(dir, "s3"))
		groups := autoscaling.New(w, compute)
		systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: machines, Objects: objects})
		compute.ResolveParameter = systems.Resolve
		c.groups, c.ec2 = groups, compute
		return twin.Services{
			Wire: []*wire.Service{compute.Wire(), systems.Wire(), groups.Wire(), sts.New()},
			Resume: func() error {
				if file == nil {
					return nil
				}
				_, err := (&worldfile.Loader{World: w, EC2: compute, Groups: groups}).Load(file)
				return err
			},
			Close: machines.Close,
		}, nil
	}})
	return t, c, err
}

// config calls the twin as an account, in one attempt.
func config(t *twin.Twin, account, region string) aws.Config {
	c := t.Config(region, client)
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: account, SecretAccessKey: "bench"}, nil
	})
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return c
}
