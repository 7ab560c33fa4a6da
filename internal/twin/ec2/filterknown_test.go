package ec2_test

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// Every Describe operation that takes filters is called through the SDK's client in an
// account where nothing is: names are looked at before rows are.
func TestAFilterThatThereIsNotIsRefusedInAnEmptyAccountToo(t *testing.T) {
	b := newBench(t)
	client := reflect.ValueOf(b.api)
	var refused []string
	for k := range client.NumMethod() {
		op := client.Type().Method(k).Name
		method := client.Method(k)
		if !strings.HasPrefix(op, "Describe") || method.Type().NumIn() != 3 {
			continue
		}
		in := reflect.New(method.Type().In(1).Elem())
		field := in.Elem().FieldByName("Filters")
		if !field.IsValid() || field.Type() != reflect.TypeFor[[]types.Filter]() {
			continue
		}
		call := func(f types.Filter) string {
			field.Set(reflect.ValueOf([]types.Filter{f}))
			err, _ := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})[1].Interface().(error)
			return codeOf(err)
		}
		if f := in.Elem().FieldByName("Versions"); f.IsValid() {
			f.Set(reflect.ValueOf([]string{"$Latest"}))
		}
		code := call(types.Filter{Name: aws.String("colour"), Values: []string{"red"}})
		switch code {
		case "InvalidParameterValue":
			refused = append(refused, op)
		case "":
			t.Errorf("%s takes the filter colour", op)
			continue
		default:
			continue // not modelled, or it takes no filters
		}
		if code := call(types.Filter{Name: aws.String("owner-id")}); code != "InvalidParameterValue" {
			t.Errorf("%s: a filter without values: %q", op, code)
		}
	}
	for _, op := range []string{
		"DescribeAvailabilityZones", "DescribeImages", "DescribeInstanceStatus", "DescribeInstanceTypeOfferings", "DescribeInstanceTypes", "DescribeInstances",
		"DescribeKeyPairs", "DescribeLaunchTemplateVersions", "DescribeLaunchTemplates", "DescribeRegions", "DescribeReplaceRootVolumeTasks", "DescribeRouteTables", "DescribeSecurityGroups", "DescribeSnapshots",
		"DescribeSubnets", "DescribeTags", "DescribeVolumes", "DescribeVpcs",
	} {
		if !slices.Contains(refused, op) {
			t.Errorf("%s does not refuse the filter colour", op)
		}
	}
}

// testdata/filters.txt has the filters that the API Reference documents, by operation.
func TestEveryDocumentedFilterIsTaken(t *testing.T) {
	b := newBench(t)
	b.template("web")
	b.run(func(*sdk.RunInstancesInput) {})
	list, err := os.ReadFile("testdata/filters.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		words := strings.Fields(line)
		method := reflect.ValueOf(b.api).MethodByName(words[0])
		in := reflect.New(method.Type().In(1).Elem())
		if f := in.Elem().FieldByName("Versions"); f.IsValid() {
			f.Set(reflect.ValueOf([]string{"$Latest"}))
		}
		for _, name := range words[1:] {
			in.Elem().FieldByName("Filters").Set(reflect.ValueOf([]types.Filter{{Name: &name, Values: []string{"*"}}}))
			if err, _ := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})[1].Interface().(error); err != nil {
				t.Errorf("%s with %s: %v", words[0], name, err)
			}
		}
	}
}

func TestAFilterThatThereIsNotIsToldBeforeAnIdThatThereIsNot(t *testing.T) {
	b := newBench(t)
	colour := []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}
	for op, err := range map[string]error{
		"DescribeInstances": called(b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{InstanceIds: []string{"i-00000000000000000"}, Filters: colour})),
		"DescribeVolumes":   called(b.api.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{VolumeIds: []string{"vol-00000000000000000"}, Filters: colour})),
		"DescribeVpcs":      called(b.api.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{VpcIds: []string{"vpc-00000000000000000"}, Filters: colour})),
		"DescribeImages":    called(b.api.DescribeImages(ctx, &sdk.DescribeImagesInput{ImageIds: []string{"ami-0000000000000dead"}, Filters: colour})),
	} {
		if code := codeOf(err); code != "InvalidParameterValue" {
			t.Errorf("%s: %q", op, code)
		}
	}
}

func called[T any](_ T, err error) error { return err }

// codeOf is the code that AWS would have answered with, "" for none.
func codeOf(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}
