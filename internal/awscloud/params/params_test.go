package params_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

type stub struct {
	params.API
	history func(*ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error)
	put     func(*ssm.PutParameterInput) (*ssm.PutParameterOutput, error)
	label   func(*ssm.LabelParameterVersionInput) (*ssm.LabelParameterVersionOutput, error)
	unlabel func(*ssm.UnlabelParameterVersionInput) (*ssm.UnlabelParameterVersionOutput, error)
	get     func(*ssm.GetParameterInput) (*ssm.GetParameterOutput, error)
}

func (s stub) GetParameterHistory(_ context.Context, in *ssm.GetParameterHistoryInput, _ ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	return s.history(in)
}

func (s stub) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	return s.put(in)
}

func (s stub) LabelParameterVersion(_ context.Context, in *ssm.LabelParameterVersionInput, _ ...func(*ssm.Options)) (*ssm.LabelParameterVersionOutput, error) {
	return s.label(in)
}

func (s stub) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	return s.get(in)
}

func TestTheHistoryIsReadThroughAllPages(t *testing.T) {
	p := params.Parameters{API: stub{history: func(in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
		if in.NextToken == nil {
			return &ssm.GetParameterHistoryOutput{NextToken: aws.String("2"), Parameters: []types.ParameterHistory{
				{Value: aws.String("ami-1"), Version: 1, Description: aws.String("d"), Labels: []string{"previous"}}}}, nil
		}
		return &ssm.GetParameterHistoryOutput{Parameters: []types.ParameterHistory{{Value: aws.String("ami-2"), Version: 2, DataType: aws.String("aws:ec2:image")}}}, nil
	}}}
	got, err := p.History(t.Context(), "/a/b")
	if err != nil {
		t.Fatal(err)
	}
	want := []publish.Parameter{{Name: "/a/b", Value: "ami-1", Version: 1, Description: "d", Labels: []string{"previous"}},
		{Name: "/a/b", Value: "ami-2", Version: 2, DataType: "aws:ec2:image"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAParameterThatDoesNotExist(t *testing.T) {
	p := params.Parameters{API: stub{
		history: func(*ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
			return nil, &types.ParameterNotFound{}
		},
		get: func(*ssm.GetParameterInput) (*ssm.GetParameterOutput, error) { return nil, &types.ParameterNotFound{} },
	}}
	if got, err := p.History(t.Context(), "/a"); err != nil || len(got) != 0 {
		t.Errorf("history %v, %v", got, err)
	}
	if _, err := p.Get(t.Context(), "/a"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("get: %v", err)
	}
}

func TestPutSaysWhetherItOverwrites(t *testing.T) {
	var got *ssm.PutParameterInput
	p := params.Parameters{API: stub{put: func(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
		if got = in; !*in.Overwrite {
			return nil, &types.ParameterAlreadyExists{}
		}
		return &ssm.PutParameterOutput{Version: 7}, nil
	}}}
	v, err := p.Put(t.Context(), publish.NewVersion{Name: "/a/b", Value: "ami-1", DataType: publish.DataTypeImage, Description: "d", Overwrite: true})
	if err != nil || v != 7 || *got.DataType != "aws:ec2:image" || *got.Description != "d" || got.Type != types.ParameterTypeString {
		t.Errorf("version %d, %v, asked %+v", v, err, got)
	}
	if _, err := p.Put(t.Context(), publish.NewVersion{Name: "/a/b", Value: "ami-1"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("existing: %v", err)
	}
}

func TestALabelThatIsRefusedIsAnError(t *testing.T) {
	p := params.Parameters{API: stub{label: func(in *ssm.LabelParameterVersionInput) (*ssm.LabelParameterVersionOutput, error) {
		if in.Labels[0] == "aws" {
			return &ssm.LabelParameterVersionOutput{InvalidLabels: in.Labels}, nil
		}
		return &ssm.LabelParameterVersionOutput{}, nil
	}}}
	if err := p.Label(t.Context(), "/a", 1, "current"); err != nil {
		t.Error(err)
	}
	if err := p.Label(t.Context(), "/a", 1, "aws"); err == nil {
		t.Error("no error")
	}
}

func (s stub) UnlabelParameterVersion(_ context.Context, in *ssm.UnlabelParameterVersionInput, _ ...func(*ssm.Options)) (*ssm.UnlabelParameterVersionOutput, error) {
	return s.unlabel(in)
}

func TestLabelsThatAreNotThereAreTakenAwayAllTheSame(t *testing.T) {
	p := params.Parameters{API: stub{unlabel: func(in *ssm.UnlabelParameterVersionInput) (*ssm.UnlabelParameterVersionOutput, error) {
		if *in.ParameterVersion == 9 {
			return nil, &types.ParameterVersionNotFound{}
		}
		return &ssm.UnlabelParameterVersionOutput{RemovedLabels: in.Labels[:1], InvalidLabels: in.Labels[1:]}, nil
	}}}
	if err := p.Unlabel(t.Context(), "/a", 1, "current", "previous"); err != nil {
		t.Error(err)
	}
	if err := p.Unlabel(t.Context(), "/a", 9, "current"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no such version: %v", err)
	}
}
