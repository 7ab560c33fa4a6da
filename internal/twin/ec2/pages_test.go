package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

func TestThePaginatorCountsInstancesNotReservations(t *testing.T) {
	b := newBench(t)
	for range 2 {
		b.run(func(in *sdk.RunInstancesInput) { in.MaxCount = aws.Int32(7) })
	}
	seen, pages := map[string]bool{}, 0
	p := sdk.NewDescribeInstancesPaginator(b.api, &sdk.DescribeInstancesInput{MaxResults: aws.Int32(5)})
	for p.HasMorePages() {
		out := must[*sdk.DescribeInstancesOutput](t)(p.NextPage(ctx))
		pages++
		n := 0
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				seen[*i.InstanceId] = true
				n++
			}
		}
		if n > 5 {
			t.Errorf("a page of %d", n)
		}
	}
	if len(seen) != 14 || pages != 3 {
		t.Errorf("%d instances on %d pages", len(seen), pages)
	}
	_, err := b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{MaxResults: aws.Int32(2)})
	wantCode(t, err, "InvalidParameterValue")
	var some string
	for some = range seen {
		break
	}
	_, err = b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: []string{some}})
	wantCode(t, err, "InvalidParameterCombination")
}

func TestWhatIsNotModelledIsRefusedByName(t *testing.T) {
	b := newBench(t)
	_, err := b.api.DescribeFastLaunchImages(ctx, &sdk.DescribeFastLaunchImagesInput{})
	wantCode(t, err, "UnsupportedOperation")
}
