package awscloud_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
)

func api(code string) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "X", Err: &smithy.GenericAPIError{Code: code, Message: "the message"}}
}

func TestCodesBecomeKinds(t *testing.T) {
	for code, want := range map[string]fault.Kind{
		"UnauthorizedOperation":            fault.Denied,
		"ExpiredToken":                     fault.Denied,
		"ParameterNotFound":                fault.NotFound,
		"InvalidAMIID.NotFound":            fault.NotFound,
		"InvalidInstanceID.NotFound":       fault.NotFound,
		"ParameterAlreadyExists":           fault.Conflict,
		"InvalidKeyPair.Duplicate":         fault.Conflict,
		"InstanceRefreshInProgress":        fault.Conflict,
		"InstanceRefreshInProgressFault":   fault.Conflict,
		"DependencyViolation":              fault.Conflict,
		"RequestLimitExceeded":             fault.Throttled,
		"ResourceContention":               fault.Throttled,
		"UnsupportedOperation":             fault.Unsupported,
		"VcpuLimitExceeded":                fault.Failed,
		"ACodeThatNobodyKnows":             fault.Failed,
		"InvocationDoesNotExist":           fault.NotFound,
		"ParameterMaxVersionLimitExceeded": fault.Failed,
	} {
		err := awscloud.Wrap(api(code), "do %s", "it")
		if k := fault.KindOf(err); k != want {
			t.Errorf("%s is kind %v, want %v", code, k, want)
		}
		if got, want := err.Error(), "do it: "+strings.TrimSuffix(code, "Fault")+": the message"; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
}

func TestStatusesBecomeKindsWhereTheCodeSaysNothing(t *testing.T) {
	for status, want := range map[int]fault.Kind{404: fault.NotFound, 403: fault.Denied, 412: fault.Conflict, 400: fault.Failed} {
		err := &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err: &smithy.GenericAPIError{Code: "Odd"}}
		if k := fault.KindOf(awscloud.Wrap(err, "do")); k != want {
			t.Errorf("status %d is kind %v, want %v", status, k, want)
		}
	}
}

func TestOtherErrorsKeepWhatTheyAre(t *testing.T) {
	if awscloud.Wrap(nil, "do") != nil {
		t.Error("nil became an error")
	}
	if k := fault.KindOf(awscloud.Wrap(fmt.Errorf("x: %w", context.Canceled), "do")); k != fault.Interrupted {
		t.Errorf("a cancelled call is kind %v", k)
	}
	err := awscloud.Wrap(&net.OpError{Op: "dial", Err: errors.New("refused")}, "do")
	if !strings.Contains(fault.HintOf(err), "endpoint") {
		t.Errorf("no hint at the endpoint: %q", fault.HintOf(err))
	}
}

// Where an instance has its role, a proxy may answer 403.
func TestTheWantOfCredentialsIsNoRefusedPermission(t *testing.T) {
	below := &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusForbidden}}, Err: errors.New("no")}
	err := awscloud.Wrap(fmt.Errorf("get identity: get credentials: no EC2 IMDS role found: %w", below), "ask STS")
	if h := fault.HintOf(err); fault.KindOf(err) != fault.Denied || !strings.Contains(h, "AWS_PROFILE") || !strings.Contains(h, "aws sso login") {
		t.Errorf("%v: next: %s", err, h)
	}
}

func TestTagsAreInOrder(t *testing.T) {
	m := map[string]string{"b": "2", "a": "1", "c": ""}
	var keys []string
	for _, x := range awscloud.Tags(m) {
		keys = append(keys, *x.Key)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, keys); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(m, awscloud.TagMap(awscloud.Tags(m))); d != "" {
		t.Error(d)
	}
}

func TestCompactLeavesOutWhatIsNotSet(t *testing.T) {
	no, zero := false, int32(0)
	got, err := awscloud.Compact(&types.ResponseLaunchTemplateData{InstanceType: "t3.small", EbsOptimized: &no,
		CpuOptions: &types.LaunchTemplateCpuOptions{CoreCount: &zero}, SecurityGroupIds: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"CpuOptions":{"CoreCount":0},"EbsOptimized":false,"InstanceType":"t3.small"}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	if got, err := awscloud.Compact(types.ResponseLaunchTemplateData{}); err != nil || string(got) != "{}" {
		t.Errorf("nothing is %s, %v", got, err)
	}
}
