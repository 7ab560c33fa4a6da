// Package topics is SNS as far as publishing messages goes.
package topics

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/notify"
)

// API is what the adapter calls.
type API interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

var (
	_ API           = (*sns.Client)(nil)
	_ notify.Sender = Topic{}
)

// Topic is one topic.
type Topic struct {
	API API
	ARN string
}

// New is the topic over a session. Publish is a call to the topic's own Region.
func New(s *session.Session, arn string) Topic {
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 && p[3] != "" {
		s = s.In(p[3])
	}
	return Topic{sns.NewFromConfig(s.Config()), arn}
}

// Send implements notify.Sender. Subscribers can filter by the attributes run, stage and
// kind. A FIFO topic gets one group a run and drops a message that it has.
func (t Topic) Send(ctx context.Context, m notify.Message) error {
	in := &sns.PublishInput{TopicArn: &t.ARN, Subject: aws.String(m.Subject()), Message: aws.String(string(m.JSON())), MessageAttributes: attributes(m)}
	if strings.HasSuffix(t.ARN, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(group(m)), &m.ID
	}
	_, err := t.API.Publish(ctx, in)
	return awscloud.Wrap(err, "publish to topic %s", t.ARN)
}

func group(m notify.Message) string {
	if m.Run == "" {
		return "rehydrate"
	}
	return m.Run
}

func attributes(m notify.Message) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for k, v := range map[string]string{"run": m.Run, "stage": m.Stage, "kind": m.Kind} {
		if v != "" { // an empty value is refused
			out[k] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
		}
	}
	return out
}
