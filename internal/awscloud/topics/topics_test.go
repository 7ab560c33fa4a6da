package topics_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/awscloud/topics"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/notify"
)

type stub func(*sns.PublishInput) error

func (s stub) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	return &sns.PublishOutput{}, s(in)
}

func TestAMessageCarriesWhatSubscribersFilterBy(t *testing.T) {
	m := notify.NewMessage(event.Event{Run: "r1", Stage: "roll", Kind: event.Failed, Text: "x"})
	var got *sns.PublishInput
	keep := stub(func(in *sns.PublishInput) error { got = in; return nil })
	if err := (topics.Topic{API: keep, ARN: "arn:aws:sns:eu-west-1:111122223333:ops"}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if *got.Message != string(m.JSON()) || *got.Subject != "rehydrate: failed in roll" || *got.MessageAttributes["kind"].StringValue != "failed" || got.MessageDeduplicationId != nil {
		t.Errorf("%+v", got)
	}
	m.Run = ""
	if err := (topics.Topic{API: keep, ARN: "arn:aws:sns:eu-west-1:111122223333:ops.fifo"}).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if *got.MessageDeduplicationId != m.ID || *got.MessageGroupId != "rehydrate" || len(got.MessageAttributes) != 2 {
		t.Errorf("FIFO: %+v", got)
	}
}

func TestATopicThatIsGoneIsNotFound(t *testing.T) {
	gone := stub(func(*sns.PublishInput) error {
		return &smithy.GenericAPIError{Code: "NotFound", Message: "Topic does not exist"}
	})
	err := topics.Topic{API: gone, ARN: "arn:x"}.Send(t.Context(), notify.Message{})
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "publish to topic arn:x") {
		t.Errorf("got %v", err)
	}
}
