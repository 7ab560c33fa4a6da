package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/token"
	"io"
	"maps"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkautoscaling "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	sdkcloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	sdkebs "github.com/aws/aws-sdk-go-v2/service/ebs"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	sdkeventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	sdkkms "github.com/aws/aws-sdk-go-v2/service/kms"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	sdksns "github.com/aws/aws-sdk-go-v2/service/sns"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/s3"
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

// filler makes values that every member survives in.
type filler struct{ r *rand.Rand }

var (
	timeOf = reflect.TypeFor[time.Time]()
	reader = reflect.TypeFor[io.Reader]()
	closer = reflect.TypeFor[io.ReadCloser]()
)

func (f filler) fill(v reflect.Value, depth int) {
	t := v.Type()
	switch {
	case t == timeOf:
		v.Set(reflect.ValueOf(time.Unix(1700000000+f.r.Int63n(1e6), 0).UTC()))
	case t == reader || t == closer:
		v.Set(reflect.ValueOf(stream{strings.NewReader("streamed")}))
	case t.Kind() == reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct && t.Elem() != timeOf && depth <= 0 {
			return
		}
		v.Set(reflect.New(t.Elem()))
		f.fill(v.Elem(), depth)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if sf := t.Field(i); sf.IsExported() && sf.Name != "ResultMetadata" {
				f.fill(v.Field(i), depth-1)
			}
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte("blob\x00\xff"))
	case t.Kind() == reflect.Slice && depth > 0:
		v.Set(reflect.MakeSlice(t, 2, 2))
		for i := range 2 {
			f.fill(v.Index(i), depth-1)
		}
	case t.Kind() == reflect.Map && depth > 0:
		e := reflect.New(t.Elem()).Elem()
		f.fill(e, depth-1)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("k1").Convert(t.Key()), e)
	case t.Kind() == reflect.String:
		v.SetString(f.text(t))
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		v.SetInt(1 + f.r.Int63n(100))
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		v.SetFloat(1.5)
	}
}

// text is an enum's value or something that must be escaped.
func (f filler) text(t reflect.Type) string {
	if m, ok := t.MethodByName("Values"); ok {
		return m.Func.Call([]reflect.Value{reflect.Zero(t)})[0].Index(0).String()
	}
	return fmt.Sprintf("s<&>'\"ü%d", f.r.Intn(1000))
}

// sane replaces values that the SDK's client itself refuses or changes.
func (f filler) sane(v reflect.Value) {
	for name, value := range map[string]string{
		"Bucket": "box", "ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA==", "RequestPayer": "requester", "ETag": `"tag"`, "ExpiresString": "",
		"ContentType": "text/plain", "ContentEncoding": "gzip", "MultiRegionAccessPoint": "", "EndpointId": "",
	} {
		if fv := v.FieldByName(name); fv.IsValid() && fv.Kind() == reflect.Pointer {
			fv.Set(reflect.ValueOf(&value))
			if value == "" {
				fv.SetZero()
			}
		}
	}
	t := v.Type()
	for i := range t.NumField() {
		name := t.Field(i).Name
		switch {
		case strings.HasPrefix(name, "Checksum") && strings.Contains(t.PkgPath(), "/s3"), strings.HasPrefix(name, "SSECustomer"), strings.HasPrefix(name, "ObjectLockEventHold"), // newer than the model
			name == "Expires" || name == "ContentLength" || name == "MissingMeta":
			v.Field(i).SetZero()
		case t.Field(i).Type == reflect.TypeFor[*string]() && (strings.Contains(t.PkgPath(), "/s3") || strings.Contains(t.PkgPath(), "/ebs")) && !v.Field(i).IsNil():
			// Headers hold no such characters.
			v.Field(i).Set(reflect.ValueOf(aws.String(strings.NewReplacer("<", "", ">", "", "&", "", "ü", "", "'", "").Replace(v.Field(i).Elem().String()))))
		}
	}
}

// readable is a copy in which streams are replaced by what they hold.
func (f filler) readable(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type().Elem())
	out.Elem().Set(v.Elem())
	for i := range out.Elem().NumField() {
		fv := out.Elem().Field(i)
		if fv.Type() != reader && fv.Type() != closer || fv.IsNil() {
			continue
		}
		text, _ := io.ReadAll(fv.Interface().(io.Reader))
		v.Elem().Field(i).Set(reflect.ValueOf(stream{strings.NewReader(string(text))}))
		fv.Set(reflect.ValueOf(fixed(text)))
	}
	return out
}

// stream can be read twice, as the SDK's signer does.
type stream struct{ *strings.Reader }

func (stream) Close() error { return nil }

// fixed is a stream that compares by its content.
type fixed string

func (fixed) Read([]byte) (int, error) { return 0, io.EOF }
func (fixed) Close() error             { return nil }

// snapshot is one of the SDK's golden requests.
type snapshot struct {
	method, path string
	header       http.Header
	body         []byte
}

func readSnapshot(name string) (snapshot, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return snapshot{}, err
	}
	first, rest, _ := bytes.Cut(text, []byte("\n\n"))
	head, body, _ := bytes.Cut(rest, []byte("\n\n"))
	s := snapshot{header: http.Header{}, body: bytes.TrimSpace(body)}
	s.method, s.path, _ = strings.Cut(string(first), " ")
	for _, line := range strings.Split(string(head), "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			s.header.Set(k, v)
		}
	}
	return s, nil
}

func (s snapshot) request() *http.Request {
	r, err := http.NewRequest(s.method, "http://127.0.0.1"+s.path, bytes.NewReader(s.body))
	if err != nil {
		panic(err)
	}
	r.Header = s.header
	return r
}

// normal is a body in a form that compares whatever the order of its members.
func normal(body []byte) string {
	if bytes.HasPrefix(body, []byte("{")) {
		var x any
		if json.Unmarshal(body, &x) == nil {
			text, _ := json.MarshalIndent(x, "", " ")
			return string(text)
		}
	}
	if len(body) > 0 && body[0]>>5 == 5 { // a CBOR map; no text begins with this byte
		if x, err := cbor.Decode(body); err == nil {
			return fmt.Sprint(x) // fmt sorts maps
		}
	}
	q, _ := url.ParseQuery(string(body))
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(q)) {
		lines = append(lines, k+"="+q.Get(k))
	}
	return strings.Join(lines, "\n")
}

// moduleDir is where the module of an SDK service is.
func moduleDir(t testing.TB, service string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	if err != nil {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatalf("find the module of %s: %v", service, err)
		}
		t.Skipf("the go command cannot tell where the module of %s is: %v", service, err)
	}
	return strings.TrimSpace(string(out))
}
