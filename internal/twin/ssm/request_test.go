package ssm

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func second[T any](_ T, err error) error { return err }

// A request is wrong before anything is looked for: in an account without nodes, commands,
// reports and parameters a filter that there is not is refused all the same.
func TestAFilterThatThereIsNotIsRefusedWhereThereIsNothing(t *testing.T) {
	r := newRig(t)
	r.ec2.instances = nil
	ctx := t.Context()
	info := func(key string) error {
		return second(r.c.DescribeInstanceInformation(ctx, &sdk.DescribeInstanceInformationInput{Filters: []types.InstanceInformationStringFilter{{Key: &key, Values: []string{"x"}}}}))
	}
	commands := func(key types.CommandFilterKey, value string) []types.CommandFilter {
		return []types.CommandFilter{{Key: types.CommandFilterKeyStatus, Value: aws.String("Failed")}, {Key: key, Value: &value}}
	}
	odd := []types.ComplianceStringFilter{{Key: aws.String("Status"), Values: []string{"x"}}, {Key: aws.String("Odd"), Values: []string{"x"}}}
	parameters := func(key, option string) []types.ParameterStringFilter {
		return []types.ParameterStringFilter{{Key: &key, Option: &option, Values: []string{"/x"}}}
	}
	byPath := func(f []types.ParameterStringFilter) error {
		return second(r.c.GetParametersByPath(ctx, &sdk.GetParametersByPathInput{Path: aws.String("/"), ParameterFilters: f}))
	}
	described := func(f []types.ParameterStringFilter) error {
		return second(r.c.DescribeParameters(ctx, &sdk.DescribeParametersInput{ParameterFilters: f}))
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nodes":                       {info("Odd"), "InvalidFilterKey"},
		"nodes by agent":              {info("AgentVersion"), "<nil>"},
		"nodes by role":               {info("IamRole"), "<nil>"},
		"nodes by activation":         {info("ActivationIds"), "<nil>"},
		"nodes by association":        {info("AssociationStatus"), "<nil>"},
		"commands from no time":       {second(r.c.ListCommands(ctx, &sdk.ListCommandsInput{Filters: commands(types.CommandFilterKeyInvokedAfter, "noon")})), "InvalidFilterKey"},
		"commands in a stage":         {second(r.c.ListCommands(ctx, &sdk.ListCommandsInput{Filters: commands(types.CommandFilterKeyExecutionStage, "Complete")})), "<nil>"},
		"commands in no stage":        {second(r.c.ListCommands(ctx, &sdk.ListCommandsInput{Filters: commands(types.CommandFilterKeyExecutionStage, "Soon")})), "InvalidFilterKey"},
		"invocations have no stage":   {second(r.c.ListCommandInvocations(ctx, &sdk.ListCommandInvocationsInput{Filters: commands(types.CommandFilterKeyExecutionStage, "Complete")})), "InvalidFilterKey"},
		"items":                       {second(r.c.ListComplianceItems(ctx, &sdk.ListComplianceItemsInput{Filters: odd})), "InvalidFilter"},
		"items of something else":     {second(r.c.ListComplianceItems(ctx, &sdk.ListComplianceItemsInput{ResourceTypes: []string{"Bucket"}})), "InvalidResourceType"},
		"resources":                   {second(r.c.ListResourceComplianceSummaries(ctx, &sdk.ListResourceComplianceSummariesInput{Filters: odd})), "InvalidFilter"},
		"types":                       {second(r.c.ListComplianceSummaries(ctx, &sdk.ListComplianceSummariesInput{Filters: odd})), "InvalidFilter"},
		"patch states":                {second(r.c.DescribeInstancePatchStatesForPatchGroup(ctx, &sdk.DescribeInstancePatchStatesForPatchGroupInput{PatchGroup: aws.String("db"), Filters: []types.InstancePatchStateFilter{{Key: aws.String("Odd"), Values: []string{"1"}, Type: types.InstancePatchStateOperatorTypeEqual}}})), "InvalidFilter"},
		"below a path":                {byPath(parameters("Name", "Equals")), "InvalidFilterKey"},
		"below a path, by an option":  {byPath(parameters("Type", "Around")), "InvalidFilterOption"},
		"parameters by an option":     {described(parameters("Name", "Around")), "InvalidFilterOption"},
		"a name may contain":          {described(parameters("Name", "Contains")), "<nil>"},
		"a type does not contain":     {described(parameters("Type", "Contains")), "InvalidFilterOption"},
		"a path is not begun with":    {described(parameters("Path", "BeginsWith")), "InvalidFilterOption"},
		"targets by a resource group": {second(r.c.SendCommand(ctx, &sdk.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), Parameters: map[string][]string{"commands": {"true"}}, Targets: []types.Target{{Key: aws.String("resource-groups:Name"), Values: []string{"g"}}}})), "UnsupportedOperation"},
	} {
		if got := code(test.err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestCommandsAreListedByTheirStage(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	if err := second(r.c.SendCommand(ctx, &sdk.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{"i-00000000"}, Parameters: map[string][]string{"commands": {"true"}}})); err != nil {
		t.Fatal(err)
	}
	count := func(stage string) int {
		out, err := r.c.ListCommands(ctx, &sdk.ListCommandsInput{Filters: []types.CommandFilter{{Key: types.CommandFilterKeyExecutionStage, Value: &stage}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Commands)
	}
	if count("Executing") != 1 || count("Complete") != 0 {
		t.Error("it is not executing")
	}
	r.step(time.Minute)
	r.wait("the end", func() bool { return count("Complete") == 1 })
	if count("Executing") != 0 {
		t.Error("it is still executing")
	}
}

func TestParametersDeletedPageByPageLeaveNone(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	for k := range 35 {
		if err := second(r.c.PutParameter(ctx, &sdk.PutParameterInput{Name: aws.String(fmt.Sprintf("/p/%02d", k)), Value: aws.String("x"), Type: types.ParameterTypeString})); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for pages := sdk.NewGetParametersByPathPaginator(r.c, &sdk.GetParametersByPathInput{Path: aws.String("/p")}); pages.HasMorePages(); {
		p, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range p.Parameters {
			names = append(names, *one.Name)
		}
		seen += len(names)
		if err := second(r.c.DeleteParameters(ctx, &sdk.DeleteParametersInput{Names: names})); err != nil {
			t.Fatal(err)
		}
	}
	if seen != 35 {
		t.Errorf("%d of 35 were told", seen)
	}
}

func TestAValueCannotBeAnotherParameter(t *testing.T) {
	r := newRig(t)
	for value, want := range map[string]string{"{{ssm:/other}}": "ValidationException", "a {{ b }} c": "ValidationException", "{a}": "<nil>", "}}{{": "<nil>"} {
		err := second(r.c.PutParameter(t.Context(), &sdk.PutParameterInput{Name: aws.String("/v"), Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true)}))
		if code(err) != want {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestAnARNOfAnotherAccountOrRegionIsNoParameterOfOurs(t *testing.T) {
	r := newRig(t)
	if err := second(r.c.PutParameter(t.Context(), &sdk.PutParameterInput{Name: aws.String("/a"), Value: aws.String("x"), Type: types.ParameterTypeString})); err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[string]string{
		"arn:aws:ssm:" + wiretest.Region + ":" + wiretest.Account + ":parameter/a": "<nil>",
		"arn:aws:ssm:" + wiretest.Region + ":444455556666:parameter/a":             "ParameterNotFound",
		"arn:aws:ssm:us-east-2:" + wiretest.Account + ":parameter/a":               "ParameterNotFound",
	} {
		if err := second(r.c.GetParameter(t.Context(), &sdk.GetParameterInput{Name: &arn})); code(err) != want {
			t.Errorf("%s: %v", arn, err)
		}
	}
}

func TestASecretIsNotReadUnderAKeyThatIsGoneOrDisabled(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	var state error
	r.s.Key = func(*world.Tx, string) error { return state }
	secret := func(name string) error {
		return second(r.c.PutParameter(ctx, &sdk.PutParameterInput{Name: &name, Value: aws.String("x"), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/app"), Overwrite: aws.Bool(true)}))
	}
	if err := secret("/s/a"); err != nil {
		t.Fatal(err)
	}
	reads := func(decrypt bool) map[string]error {
		return map[string]error{
			"GetParameter":        second(r.c.GetParameter(ctx, &sdk.GetParameterInput{Name: aws.String("/s/a"), WithDecryption: &decrypt})),
			"GetParameters":       second(r.c.GetParameters(ctx, &sdk.GetParametersInput{Names: []string{"/s/a"}, WithDecryption: &decrypt})),
			"GetParametersByPath": second(r.c.GetParametersByPath(ctx, &sdk.GetParametersByPathInput{Path: aws.String("/s"), WithDecryption: &decrypt})),
			"GetParameterHistory": second(r.c.GetParameterHistory(ctx, &sdk.GetParameterHistoryInput{Name: aws.String("/s/a"), WithDecryption: &decrypt})),
		}
	}
	for _, state = range []error{nil, wire.Errorf("DisabledException", "the key is disabled."), wire.Errorf("NotFoundException", "no key"), errors.New("a full disk")} {
		for op, err := range reads(true) {
			if want := map[bool]string{true: "<nil>", false: "InvalidKeyId"}[state == nil]; code(err) != want {
				t.Errorf("%s, %v: %v", op, state, err)
			}
		}
		for op, err := range reads(false) {
			if err != nil {
				t.Errorf("%s without decryption, %v: %v", op, state, err)
			}
		}
		if err := secret("/s/a"); (err == nil) != (state == nil) {
			t.Errorf("written, %v: %v", state, err)
		}
	}
	state = wire.Errorf("DisabledException", "arn:x is disabled.")
	if err := reads(true)["GetParameter"]; !strings.Contains(err.Error(), "arn:x is disabled") {
		t.Error(err)
	}
}

func TestOnlyAWSGivesTagsOfAWS(t *testing.T) {
	r := newRig(t)
	if err := second(r.c.PutParameter(t.Context(), &sdk.PutParameterInput{Name: aws.String("/a"), Value: aws.String("x"), Type: types.ParameterTypeString})); err != nil {
		t.Fatal(err)
	}
	err := second(r.c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/a"), Tags: []types.Tag{{Key: aws.String("aws:by"), Value: aws.String("me")}}}))
	if code(err) != "ValidationException" {
		t.Error(err)
	}
}
