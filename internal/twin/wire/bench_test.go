package wire_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// realistic is an instance with what DescribeInstances shows of a plain web server.
func realistic(i int) types.Instance {
	id := fmt.Sprintf("i-%017x", i)
	launched := time.Date(2026, 3, 1, 0, 0, i%60, 0, time.UTC)
	net := types.InstanceNetworkInterface{
		NetworkInterfaceId: aws.String("eni-" + id[2:]), SubnetId: aws.String("subnet-1"), VpcId: aws.String("vpc-1"), MacAddress: aws.String("02:00:00:00:00:01"),
		PrivateIpAddress: aws.String("10.0.0.7"), Status: types.NetworkInterfaceStatusInUse, SourceDestCheck: aws.Bool(true), OwnerId: aws.String("111122223333"),
		Groups:     []types.GroupIdentifier{{GroupId: aws.String("sg-1"), GroupName: aws.String("default")}},
		Attachment: &types.InstanceNetworkInterfaceAttachment{AttachTime: &launched, AttachmentId: aws.String("eni-attach-1"), DeviceIndex: aws.Int32(0), Status: types.AttachmentStatusAttached},
	}
	return types.Instance{
		InstanceId: &id, ImageId: aws.String("ami-0123456789abcdef0"), InstanceType: types.InstanceTypeM5Large, AmiLaunchIndex: aws.Int32(int32(i)),
		Architecture: types.ArchitectureValuesX8664, VirtualizationType: types.VirtualizationTypeHvm, Hypervisor: types.HypervisorTypeXen, RootDeviceName: aws.String("/dev/xvda"),
		RootDeviceType: types.DeviceTypeEbs, LaunchTime: &launched, PrivateIpAddress: aws.String("10.0.0.7"), PrivateDnsName: aws.String("ip-10-0-0-7.eu-west-1.compute.internal"),
		State: &types.InstanceState{Code: aws.Int32(16), Name: types.InstanceStateNameRunning}, SubnetId: aws.String("subnet-1"), VpcId: aws.String("vpc-1"),
		Placement: &types.Placement{AvailabilityZone: aws.String("eu-west-1a"), Tenancy: types.TenancyDefault}, EbsOptimized: aws.Bool(true), EnaSupport: aws.Bool(true),
		Monitoring: &types.Monitoring{State: types.MonitoringStateDisabled}, ClientToken: aws.String("11111111-2222-3333-4444-555555555555"), SourceDestCheck: aws.Bool(true),
		SecurityGroups: []types.GroupIdentifier{{GroupId: aws.String("sg-1"), GroupName: aws.String("default")}}, NetworkInterfaces: []types.InstanceNetworkInterface{net},
		MetadataOptions: &types.InstanceMetadataOptionsResponse{HttpTokens: types.HttpTokensStateRequired, HttpEndpoint: types.InstanceMetadataEndpointStateEnabled,
			HttpPutResponseHopLimit: aws.Int32(2), State: types.InstanceMetadataOptionsStateApplied},
		BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsInstanceBlockDevice{
			VolumeId: aws.String("vol-" + id[2:]), AttachTime: &launched, DeleteOnTermination: aws.Bool(true), Status: types.AttachmentStatusAttached}}},
		Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("web")}, {Key: aws.String("aws:autoscaling:groupName"), Value: aws.String("web-prod")},
			{Key: aws.String("aws:ec2launchtemplate:version"), Value: aws.String("7")}, {Key: aws.String("Patch Group"), Value: aws.String("prod")}},
	}
}

func page(n int) *ec2.DescribeInstancesOutput {
	out := &ec2.DescribeInstancesOutput{}
	for i := range n {
		out.Reservations = append(out.Reservations, types.Reservation{ReservationId: aws.String(fmt.Sprintf("r-%017x", i)), OwnerId: aws.String("111122223333"), Instances: []types.Instance{realistic(i)}})
	}
	return out
}

// BenchmarkPageOf1000Instances is the whole way through the handler, without the
// client's own decoding. The promise is 15 ms.
func BenchmarkPageOf1000Instances(b *testing.B) {
	out := page(1000)
	s := wire.NewService("ec2")
	wire.Op(s, "DescribeInstances", func(*world.Tx, *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) { return out, nil })
	h := lenient(b, wiretest.World(b), s)
	b.ReportAllocs()
	for b.Loop() {
		if w := (raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances&MaxResults=1000"}).send(h); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

// BenchmarkSimpleRequests is GetParameter on loopback. The promise is 10,000 a
// second.
func BenchmarkSimpleRequestsOnLoopback(b *testing.B) {
	s := wire.NewService("ssm")
	wire.Op(s, "GetParameter", func(*world.Tx, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Name: aws.String("/golden/demo/latest"), Value: aws.String("ami-1"), Version: 3}}, nil
	})
	srv := httptest.NewServer(lenient(b, wiretest.World(b), s))
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodPost, srv.URL, strings.NewReader(`{"Name":"/golden/demo/latest"}`))
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=00")
			req.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
			resp, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// A time says nothing on a busy machine: the benchmark measures. What makes a large page
// slow is an allocation for every value in it.
func TestAPageOf1000InstancesIsWrittenWithoutAllocatingForEveryValue(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates, too")
	}
	p, out := proofs(t)[0], page(1000)
	values := 0
	n := testing.AllocsPerRun(3, func() {
		_, _, body := p.Encode("DescribeInstances", reflect.ValueOf(out))
		values = strings.Count(string(body), "</")
	})
	t.Logf("%.0f allocations for %d values", n, values)
	if n > float64(values)/100 {
		t.Errorf("%.0f allocations for %d values", n, values)
	}
}
