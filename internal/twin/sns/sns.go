// Package sns is the twin's Simple Notification Service as far as publishing goes.
// Nobody is subscribed: what was published is in the twin's event log.
package sns

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// New is the service with its operations.
func New() *wire.Service {
	o := wire.NewService("sns")
	wire.Op(o, "CreateTopic", createTopic)
	wire.Op(o, "ListTopics", listTopics)
	wire.Op(o, "DeleteTopic", deleteTopic)
	wire.Op(o, "Publish", publish)
	return o
}

// topic is a topic by its ARN.
type topic struct {
	Name string `json:"name"`
}

func topics(tx *world.Tx) *world.Rows[topic] { return world.Table[topic](tx, "sns/topics") }

// name follows "CreateTopic": letters, digits, hyphens and underscores, 1 to 256.
var name = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`) })

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidParameter", "Invalid parameter: "+format, args...)
}

// createTopic makes a standard topic; the same name gives the same topic again.
func createTopic(tx *world.Tx, in *sns.CreateTopicInput) (*sns.CreateTopicOutput, error) {
	if strings.HasSuffix(*in.Name, ".fifo") || in.Attributes["FifoTopic"] == "true" {
		return nil, invalid("the twin does not model FIFO topics")
	}
	if !name().MatchString(*in.Name) {
		return nil, invalid("Topic Name")
	}
	arn := fmt.Sprintf("arn:aws:sns:%s:%s:%s", tx.Region, tx.Account, *in.Name)
	topics(tx).Put(arn, topic{*in.Name})
	return &sns.CreateTopicOutput{TopicArn: &arn}, nil
}

// pageSize is fixed ("ListTopics": up to 100 topics a page).
const pageSize = 100

func listTopics(tx *world.Tx, in *sns.ListTopicsInput) (*sns.ListTopicsOutput, error) {
	last := ""
	if in.NextToken != nil {
		var ok bool
		if last, ok = cursor.Open(*in.NextToken, "sns", tx.Account, tx.Region); !ok {
			return nil, invalid("NextToken")
		}
	}
	var arns []string
	for arn := range topics(tx).All() {
		if arn > last {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	out := &sns.ListTopicsOutput{Topics: []types.Topic{}}
	if len(arns) > pageSize {
		arns = arns[:pageSize]
		out.NextToken = aws.String(cursor.Seal(arns[pageSize-1], "sns", tx.Account, tx.Region))
	}
	for _, arn := range arns {
		out.Topics = append(out.Topics, types.Topic{TopicArn: aws.String(arn)})
	}
	return out, nil
}

// deleteTopic is no error for a topic that is gone ("DeleteTopic" is idempotent), but
// for an ARN that is none of a topic of the Region.
func deleteTopic(tx *world.Tx, in *sns.DeleteTopicInput) (*sns.DeleteTopicOutput, error) {
	arn := *in.TopicArn
	parts := strings.Split(arn, ":")
	switch {
	case len(parts) < 6:
		return nil, invalid("TopicArn Reason: An ARN must have at least 6 elements, not %d", len(parts))
	case len(parts) > 6 || parts[0] != "arn" || parts[2] != "sns" || parts[3] != tx.Region || !name().MatchString(parts[5]):
		return nil, invalid("TopicArn")
	case parts[4] != tx.Account:
		return nil, &wire.Error{Code: "AuthorizationError", Message: "User is not authorized to perform: SNS:DeleteTopic on resource: " + arn, Status: 403}
	}
	topics(tx).Delete(arn)
	return &sns.DeleteTopicOutput{}, nil
}

// maxMessage is the largest message with its attributes, in bytes ("Publish").
const maxMessage = 256 << 10

// byProtocol says whether a message is an object of texts by protocol, with a default
// ("MessageStructure", Publish).
func byProtocol(message string) bool {
	var texts map[string]any
	if json.Unmarshal([]byte(message), &texts) != nil {
		return false
	}
	_, ok := texts["default"].(string)
	return ok
}

// publish puts the message into the event log, which is where tests look for it.
func publish(tx *world.Tx, in *sns.PublishInput) (*sns.PublishOutput, error) {
	arn := aws.ToString(in.TopicArn)
	switch {
	case arn == "" && in.TargetArn == nil && in.PhoneNumber == nil:
		return nil, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	case arn == "":
		return nil, invalid("the twin publishes to topics only")
	case *in.Message == "":
		return nil, invalid("Empty message")
	case len(*in.Message) > maxMessage:
		return nil, invalid("Message too long")
	case in.Subject != nil && (len(*in.Subject) > 100 || *in.Subject == "" || strings.ContainsAny(*in.Subject, "\r\n")):
		return nil, invalid("Subject")
	case in.MessageStructure != nil && *in.MessageStructure != "json":
		return nil, invalid("MessageStructure")
	case in.MessageStructure != nil && !byProtocol(*in.Message):
		return nil, invalid("Message Structure - No default entry in JSON message body")
	}
	parts := strings.Split(arn, ":")
	switch {
	case len(parts) < 6:
		return nil, invalid("TopicArn Reason: An ARN must have at least 6 elements, not %d", len(parts))
	case len(parts) > 6 || parts[0] != "arn" || parts[2] != "sns" || parts[3] != tx.Region:
		return nil, invalid("TopicArn")
	case parts[4] != tx.Account:
		// A topic's own policy lets its owner publish and nobody else, and the twin models
		// no other ("AccessPolicy", Amazon SNS Developer Guide).
		return nil, &wire.Error{Code: "AuthorizationError", Message: "User is not authorized to perform: SNS:Publish on resource: " + arn, Status: 403}
	}
	if _, ok := topics(tx).Get(arn); !ok {
		return nil, &wire.Error{Code: "NotFound", Message: "Topic does not exist", Status: 404}
	}
	id := tx.Hex(32)
	id = id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
	tx.Event("sns.published", map[string]any{"topic": arn, "id": id, "subject": aws.ToString(in.Subject), "message": *in.Message})
	return &sns.PublishOutput{MessageId: &id}, nil
}
