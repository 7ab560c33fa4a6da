package wire_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ebs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// nothing answers an operation with an empty output.
func nothing[I, O any](s *wire.Service, op string) {
	wire.Op(s, op, func(*world.Tx, *I) (*O, error) { return new(O), nil })
}

// thin is one operation or two of every protocol.
func thin() []*wire.Service {
	e, s, a, t, b, o := wire.NewService("ec2"), wire.NewService("ssm"), wire.NewService("autoscaling"), wire.NewService("sts"), wire.NewService("ebs"), wire.NewService("s3")
	nothing[ec2.DescribeInstancesInput, ec2.DescribeInstancesOutput](e, "DescribeInstances")
	nothing[ec2.RunInstancesInput, ec2.RunInstancesOutput](e, "RunInstances")
	nothing[ssm.GetParameterInput, ssm.GetParameterOutput](s, "GetParameter")
	nothing[ssm.PutParameterInput, ssm.PutParameterOutput](s, "PutParameter")
	nothing[ssm.SendCommandInput, ssm.SendCommandOutput](s, "SendCommand")
	nothing[autoscaling.DescribeAutoScalingGroupsInput, autoscaling.DescribeAutoScalingGroupsOutput](a, "DescribeAutoScalingGroups")
	nothing[autoscaling.StartInstanceRefreshInput, autoscaling.StartInstanceRefreshOutput](a, "StartInstanceRefresh")
	nothing[sts.AssumeRoleInput, sts.AssumeRoleOutput](t, "AssumeRole")
	nothing[ebs.ListSnapshotBlocksInput, ebs.ListSnapshotBlocksOutput](b, "ListSnapshotBlocks")
	nothing[s3.CreateBucketInput, s3.CreateBucketOutput](o, "CreateBucket")
	nothing[s3.PutObjectInput, s3.PutObjectOutput](o, "PutObject")
	m := wire.NewService("monitoring")
	nothing[cloudwatch.SetAlarmStateInput, cloudwatch.SetAlarmStateOutput](m, "SetAlarmState")
	return []*wire.Service{e, s, a, t, b, o, m}
}

// lenient serves without failing the test when an empty output breaks a model.
func lenient(t testing.TB, w *world.World, services ...*wire.Service) *wire.Handler {
	t.Helper()
	h, err := wire.NewHandler(wire.Options{World: w, Services: services, Violation: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const form = "application/x-www-form-urlencoded"

// raw is a request as any client might make it.
type raw struct {
	method, path, body, scope, target, ctype, host string
	header                                         map[string]string
}

func (r raw) send(h http.Handler) *httptest.ResponseRecorder {
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = "/"
	}
	req := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	if r.scope != "" {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260301/eu-west-1/"+r.scope+"/aws4_request, SignedHeaders=host, Signature=00")
	}
	if r.target != "" {
		req.Header.Set("X-Amz-Target", r.target)
	}
	if r.ctype != "" {
		req.Header.Set("Content-Type", r.ctype)
	}
	if r.host != "" {
		req.Host = r.host
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// codeOf reads the error code from a body of any protocol.
func codeOf(w *httptest.ResponseRecorder) string {
	if code, _, ok := strings.Cut(w.Header().Get("X-Amzn-Query-Error"), ";"); ok { // CBOR
		return code
	}
	body := w.Body.Bytes()
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		var e struct {
			Type string `json:"__type"`
		}
		_ = json.Unmarshal(body, &e)
		return e.Type
	}
	var e struct {
		Code   string `xml:"Code"`
		Error  string `xml:"Error>Code"`
		Errors string `xml:"Errors>Error>Code"`
	}
	_ = xml.Unmarshal(body, &e)
	return e.Code + e.Error + e.Errors
}

func TestRequestsFindTheirService(t *testing.T) {
	t.Parallel()
	h := lenient(t, wiretest.World(t), thin()...)
	signed := map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260301/eu-west-1/other/aws4_request, SignedHeaders=host, Signature=00"}
	for name, r := range map[string]raw{
		"by scope":              {scope: "ec2", ctype: form, body: "Action=DescribeInstances"},
		"by scope, GET":         {method: http.MethodGet, path: "/?Action=DescribeInstances", scope: "ec2"},
		"by target":             {target: "AmazonSSM.GetParameter", ctype: "application/x-amz-json-1.1", body: `{"Name":"x"}`, header: signed},
		"by host":               {host: "autoscaling.eu-west-1.amazonaws.com", ctype: form, body: "Action=DescribeAutoScalingGroups", header: signed},
		"by path":               {method: http.MethodGet, path: "/snapshots/snap-1/blocks", scope: "ebs"},
		"S3 by path":            {method: http.MethodPut, path: "/box/a/b", scope: "s3"},
		"S3 by host":            {method: http.MethodPut, path: "/a", scope: "s3", host: "box.s3.eu-west-1.amazonaws.com"},
		"S3 by host, loopback":  {method: http.MethodPut, path: "/a", scope: "s3", host: "box.127.0.0.1.nip.io"},
		"SigV4a":                {ctype: form, body: "Action=DescribeInstances", header: map[string]string{"Authorization": "AWS4-ECDSA-P256-SHA256 Credential=AKIA/20260301/ec2/aws4_request, SignedHeaders=host, Signature=00"}},
		"an odd content type":   {scope: "ec2", body: "Action=DescribeInstances"},
		"presigned in the path": {method: http.MethodGet, path: "/?Action=DescribeInstances&X-Amz-Credential=AKIA%2F20260301%2Feu-west-1%2Fec2%2Faws4_request&X-Amz-Signature=00"},
	} {
		if w := r.send(h); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestWhatIsNotModelledIsRefusedByName(t *testing.T) {
	t.Parallel()
	h := lenient(t, wiretest.World(t), thin()...)
	for name, test := range map[string]struct {
		raw  raw
		want string // in the message
	}{
		"ec2 operation":       {raw{scope: "ec2", ctype: form, body: "Action=DescribeVpcs"}, "DescribeVpcs of ec2"},
		"query operation":     {raw{scope: "autoscaling", ctype: form, body: "Action=DescribePolicies"}, "DescribePolicies"},
		"json operation":      {raw{scope: "ssm", target: "AmazonSSM.DescribeParameters"}, "DescribeParameters of ssm"},
		"rest operation":      {raw{method: http.MethodPost, path: "/snapshots", scope: "ebs"}, "StartSnapshot of ebs"},
		"S3 sub-resource":     {raw{method: http.MethodGet, path: "/box?acl", scope: "s3"}, "GetBucketAcl of s3"},
		"S3 copy":             {raw{method: http.MethodPut, path: "/box/a", scope: "s3", header: map[string]string{"X-Amz-Copy-Source": "x/y"}}, "CopyObject of s3"},
		"S3 part":             {raw{method: http.MethodPut, path: "/box/a?partNumber=1&uploadId=x", scope: "s3"}, "UploadPart of s3"},
		"query service":       {raw{scope: "sns", ctype: form, body: "Action=Publish"}, "Publish of sns"},
		"json service":        {raw{scope: "kms", target: "TrentService.Sign"}, "TrentService.Sign of kms"},
		"rest service":        {raw{method: http.MethodGet, path: "/2015-03-31/functions", scope: "lambda"}, "GET /2015-03-31/functions of lambda"},
		"cbor service":        {raw{path: "/service/GraniteServiceVersion20100801/operation/PutMetricData", scope: "monitoring", ctype: "application/cbor"}, "PutMetricData of monitoring"},
		"nothing in the path": {raw{method: http.MethodDelete, path: "/snapshots/a/b/c", scope: "ebs"}, ""},
	} {
		w := test.raw.send(h)
		want := "UnsupportedOperation"
		if test.want == "" {
			want = "InvalidAction"
		}
		if w.Code != http.StatusBadRequest || codeOf(w) != want || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestBadRequests: each is an AWS error of the protocol's own.
func TestBadRequestsAreTheProtocolsOwnErrors(t *testing.T) {
	t.Parallel()
	h := lenient(t, wiretest.World(t), thin()...)
	long := strings.Repeat("x", 70000)
	q := func(scope, body string) raw { return raw{scope: scope, ctype: form, body: body} }
	j := func(op, body string) raw {
		return raw{scope: "ssm", target: "AmazonSSM." + op, ctype: "application/x-amz-json-1.1", body: body}
	}
	for name, test := range map[string]struct {
		raw    raw
		code   string
		status int
	}{
		"unsigned":               {raw{ctype: form, body: "Action=DescribeInstances"}, "MissingAuthenticationToken", 403},
		"an object, unsigned":    {raw{method: http.MethodPut, path: "/box/key", body: "x"}, "AccessDenied", 403},
		"a form, unsigned":       {raw{method: http.MethodPost, path: "/box", ctype: "multipart/form-data; boundary=x", body: "--x--"}, "UnsupportedOperation", 400},
		"another's XML":          {raw{method: http.MethodGet, path: "/2013-04-01/hostedzone", scope: "route53"}, "UnsupportedOperation", 400},
		"ec2 bad escape":         {q("ec2", "Action=DescribeInstances&%zz"), "MalformedQueryString", 400},
		"ec2 no action":          {q("ec2", ""), "InvalidAction", 400},
		"ec2 unknown member":     {q("ec2", "Action=DescribeInstances&Color=red"), "UnknownParameter", 400},
		"ec2 unknown deep":       {q("ec2", "Action=DescribeInstances&Filter.1.Nome=x"), "UnknownParameter", 400},
		"ec2 not a number":       {q("ec2", "Action=DescribeInstances&MaxResults=many"), "InvalidParameterValue", 400},
		"ec2 too big a number":   {q("ec2", "Action=DescribeInstances&MaxResults=99999999999"), "InvalidParameterValue", 400},
		"ec2 not a bool":         {q("ec2", "Action=DescribeInstances&DryRun=maybe"), "InvalidParameterValue", 400},
		"ec2 list by name":       {q("ec2", "Action=DescribeInstances&InstanceId.one=i-1"), "InvalidParameterValue", 400},
		"ec2 list as text":       {q("ec2", "Action=DescribeInstances&InstanceId=i-1"), "InvalidParameterValue", 400},
		"ec2 text as a list":     {q("ec2", "Action=DescribeInstances&NextToken.1=x"), "InvalidParameterValue", 400},
		"ec2 missing member":     {q("ec2", "Action=RunInstances&MinCount=1"), "MissingParameter", 400},
		"ec2 not in the enum":    {q("ec2", "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=huge"), "InvalidParameterValue", 400},
		"ec2 deep":               {q("ec2", "Action=DescribeInstances&"+strings.Repeat("a.", 100)+"b=1"), "MalformedQueryString", 400},
		"ec2 not UTF-8":          {q("ec2", "Action=DescribeInstances&NextToken=%ff"), "InvalidParameterValue", 400},
		"query not in the enum":  {q("autoscaling", "Action=StartInstanceRefresh&AutoScalingGroupName=a&Strategy=Sideways"), "ValidationError", 400},
		"query unknown member":   {q("autoscaling", "Action=DescribeAutoScalingGroups&Color=red"), "ValidationError", 400},
		"query list members":     {q("autoscaling", "Action=DescribeAutoScalingGroups&AutoScalingGroupNames.1=a"), "ValidationError", 400},
		"query missing member":   {q("autoscaling", "Action=StartInstanceRefresh"), "ValidationError", 400},
		"query too long":         {q("autoscaling", "Action=StartInstanceRefresh&AutoScalingGroupName="+long), "ValidationError", 400},
		"query below minimum":    {q("sts", "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/R&RoleSessionName=ab&DurationSeconds=1"), "ValidationError", 400},
		"json not JSON":          {j("GetParameter", `{"Name":`), "SerializationException", 400},
		"json two values":        {j("GetParameter", `{"Name":"x"} {}`), "SerializationException", 400},
		"json a list":            {j("GetParameter", `[]`), "SerializationException", 400},
		"json wrong type":        {j("GetParameter", `{"Name":1}`), "SerializationException", 400},
		"json fraction":          {j("SendCommand", `{"DocumentName":"AWS-RunShellScript","TimeoutSeconds":1.5}`), "SerializationException", 400},
		"json object for a list": {j("SendCommand", `{"DocumentName":"AWS-RunShellScript","InstanceIds":{}}`), "SerializationException", 400},
		"json null in a list":    {j("SendCommand", `{"DocumentName":"AWS-RunShellScript","InstanceIds":[null]}`), "SerializationException", 400},
		"json missing member":    {j("GetParameter", `{}`), "ValidationException", 400},
		"json null member":       {j("GetParameter", `{"Name":null}`), "ValidationException", 400},
		"json unknown member":    {j("GetParameter", `{"Name":"x","Color":"red"}`), "ValidationException", 400},
		"json not in the enum":   {j("PutParameter", `{"Name":"x","Value":"y","Type":"Number"}`), "ValidationException", 400},
		"json too short":         {j("GetParameter", `{"Name":""}`), "ValidationException", 400},
		"json bad pattern":       {j("SendCommand", `{"DocumentName":"a b"}`), "ValidationException", 400},
		"json deep":              {j("SendCommand", strings.Repeat(`{"Parameters":`, 20000)), "SerializationException", 400},
		"json no target":         {raw{scope: "ssm"}, "UnknownOperationException", 400},
		"json nonsense":          {j("Nonsense", `{}`), "UnknownOperationException", 400},
		"json without a prefix":  {raw{scope: "ssm", target: "GetParameter", ctype: "application/x-amz-json-1.1", body: `{"Name":"x"}`}, "UnknownOperationException", 400},
		"json of another prefix": {raw{scope: "ssm", target: "Nope.GetParameter", ctype: "application/x-amz-json-1.1", body: `{"Name":"x"}`}, "UnknownOperationException", 400},
		"ec2 nonsense":           {q("ec2", "Action=Nonsense"), "InvalidAction", 400},
		"query nonsense":         {q("autoscaling", "Action=Nonsense"), "InvalidAction", 400},
		"rest bad number":        {raw{method: http.MethodGet, path: "/snapshots/snap-1/blocks?maxResults=x", scope: "ebs"}, "SerializationException", 400},
		"rest below minimum":     {raw{method: http.MethodGet, path: "/snapshots/snap-1/blocks?maxResults=1", scope: "ebs"}, "ValidationException", 400},
		"rest bad pattern":       {raw{method: http.MethodGet, path: "/snapshots/ami-1/blocks", scope: "ebs"}, "ValidationException", 400},
		"xml not XML":            {raw{method: http.MethodPut, path: "/box", scope: "s3", body: "<a"}, "MalformedXML", 400},
		"xml two documents":      {raw{method: http.MethodPut, path: "/box", scope: "s3", body: "<CreateBucketConfiguration/><b/>"}, "MalformedXML", 400},
		"xml with a type":        {raw{method: http.MethodPut, path: "/box", scope: "s3", body: `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`}, "MalformedXML", 400},
		"xml deep":               {raw{method: http.MethodPut, path: "/box", scope: "s3", body: strings.Repeat("<a>", 1000)}, "MalformedXML", 400},
		"xml unknown member":     {raw{method: http.MethodPut, path: "/box", scope: "s3", body: "<CreateBucketConfiguration><Color/></CreateBucketConfiguration>"}, "InvalidRequest", 400},
		"chunk too short":        {raw{method: http.MethodPut, path: "/box/a", scope: "s3", body: "5\r\nab\r\n", header: map[string]string{"Content-Encoding": "aws-chunked"}}, "IncompleteBody", 400},
		"too large":              {q("ec2", "Action=DescribeInstances&NextToken="+strings.Repeat("x", 5<<20)), "RequestEntityTooLarge", 413},
	} {
		w := test.raw.send(h)
		if w.Code != test.status || codeOf(w) != test.code {
			t.Errorf("%s: %d %s, want %d %s\n%.300s", name, w.Code, codeOf(w), test.status, test.code, w.Body)
		}
		if w.Header().Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: no request id", name)
		}
	}
}

func TestValuesThatOnlyTheNewerSDKKnowsAreAccepted(t *testing.T) {
	t.Parallel()
	h := lenient(t, wiretest.World(t), thin()...)
	values := ec2types.InstanceType("").Values()
	for _, v := range values {
		body := "Action=RunInstances&MinCount=1&MaxCount=1&InstanceType=" + string(v)
		if w := (raw{scope: "ec2", ctype: form, body: body}).send(h); w.Code != http.StatusOK {
			t.Errorf("%s: %s", v, w.Body)
		}
	}
}

func TestSparseListsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	var got ec2.DescribeInstancesInput
	h := lenient(t, wiretest.World(t), echo("ec2", "DescribeInstances", &got, &ec2.DescribeInstancesOutput{}))
	w := raw{scope: "ec2", ctype: form, body: "Action=DescribeInstances&InstanceId.10=c&InstanceId.2=b&InstanceId.1=a"}.send(h)
	if w.Code != 200 || strings.Join(got.InstanceIds, "") != "abc" {
		t.Errorf("%d %v", w.Code, got.InstanceIds)
	}
}

func TestAPanicInAHandlerIsAnErrorAndUndone(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	s := wire.NewService("ssm")
	wire.Op(s, "GetParameter", func(tx *world.Tx, _ *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		world.Table[int](tx, "x").Put("a", 1)
		panic("bug")
	})
	wire.Op(s, "PutParameter", func(tx *world.Tx, _ *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
		return nil, fmt.Errorf("disk: %w", io.ErrUnexpectedEOF)
	})
	c := ssm.NewFromConfig(wiretest.Client(t, w, s))
	_, err := c.GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String("/x")})
	if code(err) != "InternalFailure" {
		t.Errorf("err = %v", err)
	}
	_, err = c.PutParameter(context.Background(), &ssm.PutParameterInput{Name: aws.String("/x"), Value: aws.String("y")})
	if code(err) != "InternalFailure" || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("err = %v", err)
	}
	events, _ := w.Events()
	if len(events) != 3 || events[0].Kind != "twin.panic" || !strings.Contains(fmt.Sprint(events[0].Data["stack"]), "handler_test.go") {
		t.Errorf("events = %v", events)
	}
	_ = w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		if world.Table[int](tx, "x").Len() != 0 {
			t.Error("the row stayed")
		}
		return nil
	})
}

func TestWorkThatIsNotReadyIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := wiretest.World(t)
	s := wire.NewService("ssm")
	wire.Op(s, "GetParameter", func(tx *world.Tx, _ *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		rows := world.Table[int](tx, "looks")
		n, _ := rows.Get("n")
		rows.Put("n", n+1)
		if n < 2 {
			return nil, &wire.Again{Err: wire.Errorf("ParameterNotFound", "not yet")}
		}
		return &ssm.GetParameterOutput{}, nil
	})
	c := ssm.NewFromConfig(wiretest.Client(t, w, s))
	if _, err := c.GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String("/x")}); err != nil {
		t.Error(err)
	}
	_ = w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		world.Table[int](tx, "looks").Put("n", -1000)
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/x")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
}

func TestAnswersThatBreakTheModelAreReported(t *testing.T) {
	t.Parallel()
	for name, out := range map[string]*autoscaling.DescribeAutoScalingGroupsOutput{
		"a required member": {AutoScalingGroups: nil},
	} {
		var seen []error
		s := wire.NewService("autoscaling")
		wire.Op(s, "DescribeAutoScalingGroups", func(*world.Tx, *autoscaling.DescribeAutoScalingGroupsInput) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
			return out, nil
		})
		h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: []*wire.Service{s}, Violation: func(err error) { seen = append(seen, err) }})
		if err != nil {
			t.Fatal(err)
		}
		raw{scope: "autoscaling", ctype: form, body: "Action=DescribeAutoScalingGroups"}.send(h)
		if len(seen) != 1 || !strings.Contains(seen[0].Error(), "AutoScalingGroups") {
			t.Errorf("%s: %v", name, seen)
		}
	}
}

func TestAnOperationThatTheModelLacksIsNotServed(t *testing.T) {
	t.Parallel()
	s := wire.NewService("ssm")
	nothing[ssm.GetParameterInput, ssm.GetParameterOutput](s, "GetParametre")
	if _, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: []*wire.Service{s}}); err == nil || !strings.Contains(err.Error(), "GetParametre") {
		t.Errorf("err = %v", err)
	}
	if _, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: []*wire.Service{wire.NewService("nimbus")}}); err == nil {
		t.Error("a service without a model")
	}
}

func TestAccountsComeFromKeys(t *testing.T) {
	t.Parallel()
	s := wire.NewService("ssm")
	var accounts []string
	wire.Op(s, "GetParameter", func(tx *world.Tx, _ *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		accounts = append(accounts, tx.Account+"/"+tx.Region+fmt.Sprint(tx.Registered))
		return &ssm.GetParameterOutput{}, nil
	})
	h, err := wire.NewHandler(wire.Options{World: wiretest.World(t), Services: []*wire.Service{s}, Account: "999900001111", Keys: map[string]string{"AKIAOPS": "444455556666"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"AKIAWHO", "AKIAOPS", "777788889999"} {
		cfg := wiretest.Config(h, "")
		cfg.Credentials, cfg.Region = wiretest.Key(key), "us-west-2"
		if _, err := ssm.NewFromConfig(cfg).GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String("/x")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(accounts, " "); got != "999900001111/us-west-2false 444455556666/us-west-2false 777788889999/us-west-2false" {
		t.Errorf("accounts = %s", got)
	}
}
