package wire_test

import (
	"bytes"
	"context"
	"go/token"
	"io"
	"math/rand"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkautoscaling "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	sdkcloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	sdkebs "github.com/aws/aws-sdk-go-v2/service/ebs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	sdkeventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	sdkkms "github.com/aws/aws-sdk-go-v2/service/kms"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdkservicequotas "github.com/aws/aws-sdk-go-v2/service/servicequotas"
	sdksns "github.com/aws/aws-sdk-go-v2/service/sns"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// proof is a service with everything it implements, its codec, and the SDK's own
// client with a transport that we hold in our hands.
type proof struct {
	*wire.Service
	wire.Codec
	module string
	client any
	wire   *capture
}

// capture is an HTTP client that keeps the request and answers what it is told.
type capture struct {
	sent   *http.Request
	body   []byte
	status int
	header http.Header
	answer []byte
}

func (c *capture) Do(r *http.Request) (*http.Response, error) {
	c.sent, c.body = r, nil
	if r.Body != nil {
		c.body, _ = io.ReadAll(r.Body)
	}
	status := c.status
	if status == 0 {
		status = 200
	}
	h := c.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(c.answer)), ContentLength: int64(len(c.answer)), Request: r}, nil
}

// proofs are all the services of the twin.
func proofs(t testing.TB) []proof {
	t.Helper()
	w := wiretest.World(t)
	compute := ec2.New(w, nil, t.TempDir())
	objects := s3.New(t.TempDir())
	all := []proof{
		{Service: compute.Wire(), module: "ec2"},
		{Service: ssm.New(w, ssm.Ports{EC2: compute, Objects: objects}).Wire(), module: "ssm"},
		{Service: autoscaling.New(w, compute).Wire(), module: "autoscaling"},
		{Service: sts.New(), module: "sts"},
		{Service: ebs.New(compute).Wire(), module: "ebs"},
		{Service: objects.Wire(), module: "s3"},
		{Service: cloudwatch.New(nil).Wire(), module: "cloudwatch"},
		{Service: kms.New().Wire(), module: "kms"},
		{Service: sns.New(), module: "sns"},
		{Service: servicequotas.New(), module: "servicequotas"},
		{Service: eventbridge.New(), module: "eventbridge"},
		{Service: elbv2.New(w, compute).Wire(), module: "elasticloadbalancingv2"},
	}
	for i := range all {
		p := &all[i]
		var err error
		if p.Codec, err = wire.NewCodec(p.Service); err != nil {
			t.Fatal(err)
		}
		p.wire = &capture{}
		cfg := wiretest.Config(nil, "")
		cfg.HTTPClient = p.wire
		switch p.module {
		case "ec2":
			p.client = sdkec2.NewFromConfig(cfg)
		case "ssm":
			p.client = sdkssm.NewFromConfig(cfg)
		case "autoscaling":
			p.client = sdkautoscaling.NewFromConfig(cfg)
		case "sts":
			p.client = sdksts.NewFromConfig(cfg)
		case "ebs":
			p.client = sdkebs.NewFromConfig(cfg)
		case "cloudwatch":
			p.client = sdkcloudwatch.NewFromConfig(cfg)
		case "sns":
			p.client = sdksns.NewFromConfig(cfg)
		case "servicequotas":
			p.client = sdkservicequotas.NewFromConfig(cfg)
		case "eventbridge":
			p.client = sdkeventbridge.NewFromConfig(cfg)
		case "elasticloadbalancingv2":
			p.client = sdkelb.NewFromConfig(cfg)
		case "kms":
			p.client = sdkkms.NewFromConfig(cfg)
		case "s3":
			p.client = sdks3.NewFromConfig(cfg, func(o *sdks3.Options) { o.UsePathStyle = true })
		}
	}
	return all
}

// call runs an operation of the SDK's client.
func (p proof) call(op string, in reflect.Value) (out reflect.Value, err error) {
	res := reflect.ValueOf(p.client).MethodByName(op).Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ = res[1].Interface().(error)
	return res[0], err
}

// refused are the golden requests with members that the twin refuses by name:
// unions that no caller of ours uses.
var refused = map[string]string{"cloudwatch PutMetricAlarm": "where a union belongs"}

// TestGoldenRequests takes the largest possible request of each operation from the
// SDK module's own snapshots: we decode it, and the SDK must make the same request
// of what we decoded.
func TestGoldenRequestsComeOutOfTheSDKAgainAsTheyWentIn(t *testing.T) {
	t.Parallel()
	total := 0
	for _, p := range proofs(t) {
		dir := filepath.Join(moduleDir(t, p.module), "request_snapshot")
		if p.module == "ebs" || p.module == "s3" {
			continue // ebs has no snapshots, and those of s3 lack the bucket; see the round trip
		}
		for _, op := range p.Operations() {
			name := filepath.Join(dir, op+".request.snap")
			golden, err := readSnapshot(name)
			if err != nil {
				t.Fatal(err)
			}
			// No endpoint has such a name: the SDK itself refuses its own golden request.
			golden.body = bytes.ReplaceAll(golden.body, []byte(`"EndpointId":"__EndpointId__",`), nil)
			p.wire.sent, p.wire.body = nil, nil
			in, err := p.Decode(op, golden.request())
			if op == "CopySnapshot" { // the SDK keeps this member to itself
				golden.body = bytes.ReplaceAll(golden.body, []byte("&DestinationRegion=__destinationRegion__"), nil)
			}
			if want := refused[p.module+" "+op]; want != "" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s %s: %v, want a refusal of %s", p.module, op, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s %s: decode: %v", p.module, op, err)
				continue
			}
			_, _ = p.call(op, in) // it cannot make sense of the empty answer
			if d := cmp.Diff(normal(golden.body), normal(p.wire.body)); d != "" {
				t.Errorf("%s %s (-golden +ours):\n%s", p.module, op, d)
			}
			total++
		}
	}
	t.Logf("%d golden requests", total)
	if total < 80 {
		t.Errorf("only %d golden requests were compared", total)
	}
}

// TestRoundTrips fills every member of every operation's input and output: what
// the SDK sends is what we decode, and what we answer is what the SDK decodes.
func TestEveryMemberMakesTheRoundTripThroughTheSDK(t *testing.T) {
	t.Parallel()
	total := 0
	for _, p := range proofs(t) {
		for _, op := range p.Operations() {
			inType, outType := p.Types(op)
			f := filler{rand.New(rand.NewSource(1))}
			in := reflect.New(inType)
			f.fill(in.Elem(), 16)
			f.sane(in.Elem())
			out := reflect.New(outType)
			f.fill(out.Elem(), 16)
			f.sane(out.Elem())
			if n := out.Elem().FieldByName("ContentLength"); n.IsValid() {
				n.Set(reflect.ValueOf(aws.Int64(int64(len("streamed")))))
			}
			want, wantOut := f.readable(in), f.readable(out)
			p.wire.status, p.wire.header, p.wire.answer = p.Encode(op, out)
			got, err := p.call(op, in)
			if err != nil {
				t.Errorf("%s %s: the SDK cannot read our answer: %v\n%s", p.module, op, err, p.wire.answer)
				continue
			}
			r := p.wire.sent.Clone(context.Background())
			r.Body = io.NopCloser(bytes.NewReader(p.wire.body))
			decoded, err := p.Decode(op, r)
			if err != nil {
				t.Errorf("%s %s: decode: %v", p.module, op, err)
				continue
			}
			if d := cmp.Diff(want.Interface(), f.readable(decoded).Interface(), lax); d != "" {
				t.Errorf("%s %s input (-sent +decoded):\n%s", p.module, op, d)
			}
			if d := cmp.Diff(wantOut.Interface(), f.readable(got).Interface(), lax); d != "" {
				t.Errorf("%s %s output (-encoded +read):\n%s", p.module, op, d)
			}
			total++
		}
	}
	t.Logf("%d operations", total)
}

// lax compares exported fields only, but for what the client adds.
var lax = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "ResultMetadata" || !token.IsExported(f.Name()))
}, cmp.Ignore())
