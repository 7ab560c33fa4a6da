package sns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestAMessageIsSeenInTheEventLog(t *testing.T) {
	w := wiretest.World(t)
	var seen []world.Event
	w.OnEvent(func(e world.Event) {
		if e.Kind == "sns.published" {
			seen = append(seen, e)
		}
	})
	c := sdk.NewFromConfig(wiretest.Client(t, w, sns.New()))
	topic, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("pager")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("pager")})
	if err != nil || *again.TopicArn != *topic.TopicArn {
		t.Errorf("%v, %v", again, err)
	}
	out, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: topic.TopicArn, Subject: aws.String("ring dev"), Message: aws.String("halted")})
	if err != nil || *out.MessageId == "" {
		t.Fatalf("%v, %v", out, err)
	}
	if len(seen) != 1 || seen[0].Data["message"] != "halted" || seen[0].Data["topic"] != *topic.TopicArn {
		t.Errorf("%+v", seen)
	}
	if _, err := c.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: topic.TopicArn}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Publish(t.Context(), &sdk.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("halted")})
	wantCode(t, "a topic that is gone", err, "NotFound")
}

func TestTopicsComeInPages(t *testing.T) {
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), sns.New()))
	for i := range 101 {
		if _, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String(fmt.Sprint("t", i))}); err != nil {
			t.Fatal(err)
		}
	}
	n, pages := 0, sdk.NewListTopicsPaginator(c, &sdk.ListTopicsInput{})
	for pages.HasMorePages() {
		p, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(p.Topics)
	}
	if n != 101 {
		t.Errorf("%d topics", n)
	}
}

func TestWhatSNSRefuses(t *testing.T) {
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), sns.New()))
	topic, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("pager")})
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]*sdk.PublishInput{
		"no topic":         {Message: aws.String("x")},
		"a phone":          {PhoneNumber: aws.String("+41000000000"), Message: aws.String("x")},
		"no message":       {TopicArn: topic.TopicArn, Message: aws.String("")},
		"a long message":   {TopicArn: topic.TopicArn, Message: aws.String(strings.Repeat("x", 256<<10+1))},
		"a broken subject": {TopicArn: topic.TopicArn, Message: aws.String("x"), Subject: aws.String("a\nb")},
	} {
		_, err := c.Publish(t.Context(), in)
		wantCode(t, name, err, "InvalidParameter")
	}
	_, err = c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("a b")})
	wantCode(t, "a name with a blank", err, "InvalidParameter")
	for arn, want := range map[string]string{
		"arn:aws:sns:eu-west-1:444455556666:pager": "AuthorizationError", // its policy lets its owner publish
		"arn:aws:sns:us-east-1:111122223333:pager": "InvalidParameter",   // another Region's endpoint has it
		"pager": "InvalidParameter",
		"arn:aws:sqs:eu-west-1:111122223333:pager": "InvalidParameter",
		*topic.TopicArn + "x":                      "NotFound",
	} {
		_, err = c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(arn), Message: aws.String("x")})
		wantCode(t, arn, err, want)
	}
}

// "MessageStructure", Publish, and tokens of other lists and none.
func TestMessagesByProtocolHaveADefault(t *testing.T) {
	c := sdk.NewFromConfig(wiretest.Client(t, wiretest.World(t), sns.New()))
	topic, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("pager")})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(structure, message string) error {
		_, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: topic.TopicArn, MessageStructure: &structure, Message: &message})
		return err
	}
	if err := publish("json", `{"default": "halted", "email": "The roll was halted"}`); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"halted", "{}", `{"default": 1}`, `["default"]`, "{"} {
		wantCode(t, bad, publish("json", bad), "InvalidParameter")
	}
	wantCode(t, "xml", publish("xml", "<a/>"), "InvalidParameter")
	for _, token := range []string{"NQ", "OTk5", "x"} {
		_, err := c.ListTopics(t.Context(), &sdk.ListTopicsInput{NextToken: &token})
		wantCode(t, token, err, "InvalidParameter")
	}
}

func wantCode(t *testing.T, name string, err error, code string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", name, err, code)
	}
}
