package gates

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/goldenami/rehydrate/internal/awscloud/buses"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/awscloud/topics"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/notify"
	"github.com/goldenami/rehydrate/internal/twin"
)

// vpc is the account's own.
func (r *rig) vpc() *string {
	r.t.Helper()
	out, err := sdkec2.NewFromConfig(r.cfg).DescribeVpcs(r.t.Context(), &sdkec2.DescribeVpcsInput{})
	if err != nil || len(out.Vpcs) == 0 {
		r.t.Fatalf("%+v, %v", out, err)
	}
	return out.Vpcs[0].VpcId
}

// delivered are the messages in the twin's event log.
func (r *rig) delivered(kind, field string) (out []notify.Message) {
	r.t.Helper()
	events, _ := r.twin.World().Events()
	for _, e := range events {
		if e.Kind != kind {
			continue
		}
		body, err := json.Marshal(e.Data[field])
		if err != nil {
			r.t.Fatal(err)
		}
		var text string
		if json.Unmarshal(body, &text) == nil {
			body = []byte(text)
		}
		var m notify.Message
		if err := json.Unmarshal(body, &m); err != nil {
			r.t.Fatalf("%s: %v", body, err)
		}
		out = append(out, m)
	}
	return out
}

func TestTopicsAndBusesGetEveryMessageOnce(t *testing.T) {
	// The first publication is refused for being too quick, and tried again.
	r := open(t, twin.Rule{Service: "sns", Operation: "Publish", Error: &twin.RuleError{Code: "Throttling", Message: "Rate exceeded", Status: 400}})
	topic, err := sns.NewFromConfig(r.cfg).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("ops")})
	if err != nil {
		t.Fatal(err)
	}
	s := session.Of(r.cfg)
	kinds := []string{"failed", "changed"}
	n := notify.New(t.Context(), []notify.Target{
		{Name: "ops", Kinds: kinds, Sender: topics.New(s, *topic.TopicArn)},
		{Name: "bus", Kinds: kinds, Sender: buses.New(s, "default")},
		{Name: "gone", Kinds: kinds, Sender: topics.New(s, *topic.TopicArn+"-gone")},
		{Name: "nobus", Kinds: kinds, Sender: buses.New(s, "nobody")},
	})
	for _, text := range []string{"one", "two"} {
		n.Emit(event.Event{Time: r.Now(), Run: "r1", Stage: "roll", Unit: "roll/dev", Kind: event.Changed, Text: text})
	}
	n.Emit(event.Event{Time: r.Now(), Run: "r1", Stage: "roll", Kind: event.Output, Text: "apt says"})
	loss := n.Close(time.Minute)
	for i, want := range []int{0, 0, 2, 2} {
		if loss[i].Told != 2 || loss[i].Failed != want || loss[i].Dropped != 0 {
			t.Errorf("%+v", loss[i])
		}
	}
	if !strings.Contains(loss[2].Cause.Error(), "Topic does not exist") || !strings.Contains(loss[3].Cause.Error(), "nobody") {
		t.Errorf("%v, %v", loss[2].Cause, loss[3].Cause)
	}
	for name, got := range map[string][]notify.Message{"topic": r.delivered("sns.published", "message"), "bus": r.delivered("events.put", "detail")} {
		if len(got) != 2 || got[0].Text != "one" || got[1].Text != "two" || got[0].Version != 1 || got[0].Run != "r1" || got[0].ID == got[1].ID {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
