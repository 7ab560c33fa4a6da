package ec2_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestVCPUsInUseAreThoseOfRunningInstances(t *testing.T) {
	b := newBench(t)
	used := func(region string) (out map[string]float64) {
		t.Helper()
		if err := b.w.Do(wiretest.Account, region, func(tx *world.Tx) error { out = b.s.VCPUs(tx); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := b.run(nil) // t3.micro: 2
	b.run(func(in *sdk.RunInstancesInput) {
		in.InstanceType, in.MaxCount = types.InstanceTypeM52xlarge, aws.Int32(2)
	})
	if got := used(wiretest.Region); len(got) != 0 {
		t.Errorf("pending ones count: %v", got)
	}
	b.pass(time.Minute)
	if got := used(wiretest.Region); !maps.Equal(got, map[string]float64{"Standard/OnDemand": 18}) {
		t.Errorf("running ones: %v", got)
	}
	if _, err := b.api.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: []string{first}}); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	if got := used(wiretest.Region); got["Standard/OnDemand"] != 16 {
		t.Errorf("a stopped one counts: %v", got)
	}
	if got := used("us-west-2"); len(got) != 0 {
		t.Errorf("nothing runs elsewhere: %v", got)
	}
}

// A family that is modelled one day and is no Standard one needs a Class of its own.
func TestAllModelledTypesAreOfTheStandardFamilies(t *testing.T) {
	b := newBench(t)
	p := sdk.NewDescribeInstanceTypesPaginator(b.api, &sdk.DescribeInstanceTypesInput{})
	n := 0
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.InstanceTypes {
			n++
			if name := string(i.InstanceType); !strings.Contains("acdhimrtz", name[:1]) || name[1] < '0' || name[1] > '9' {
				t.Errorf("%s is no Standard one", name)
			}
		}
	}
	if n == 0 {
		t.Error("no types")
	}
}
