package channel

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/publish"
)

// Scenario 20: a hundred versions, of which the oldest has a label.
func TestAHundredVersionsWithALabelledOldestMakeRoom(t *testing.T) {
	l := openLine(t, fiveCells[:1])
	client := l.parameters(0)
	for range 99 {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(channel), Value: aws.String(id(0, 0)), Overwrite: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		l.Clock().Step(3 * time.Second)
	}
	if _, err := client.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{Name: aws.String(channel), ParameterVersion: aws.Int64(1), Labels: []string{"revoked"}}); err != nil {
		t.Fatal(err)
	}
	got, err := l.publish("run-1", 1)
	if err != nil || got.Version != 101 {
		t.Fatalf("%+v, %v", got, err)
	}
	l.hold(1)
	l.correct()
	h, err := client.GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{Name: aws.String(channel)})
	if err != nil || h.Parameters[0].Version != 2 {
		t.Errorf("the oldest is version %d, %v", h.Parameters[0].Version, err)
	}
}

// Going back and forth through the real wire, and what stays of it.
func TestARollbackOverTheWireIsFollowedByWhatIsNewer(t *testing.T) {
	l := openLine(t, fiveCells[:2])
	for age := 1; age < 3; age++ {
		if _, err := l.publish(fmt.Sprintf("run-%d", age), age); err != nil {
			t.Fatal(err)
		}
	}
	var places []publish.Place
	for _, c := range l.cells {
		places = append(places, publish.Place{Cell: c, Channel: channel})
	}
	p, err := l.stage.PlanRollback(t.Context(), publish.Rollback{Run: "back-1", Places: places})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := l.advance(p, nil, nil); err != nil {
		t.Fatal(err)
	}
	l.hold(1)
	l.correct()
	out, err := l.parameters(1).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(channel + ":previous")})
	if err != nil || aws.ToString(out.Parameter.Value) != id(0, 1) {
		t.Errorf("previous is %+v, %v", out, err)
	}
	env, err := l.parameters(1).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(publish.EnvelopeName(channel))})
	var d publish.EnvelopeDocument
	if err != nil || json.Unmarshal([]byte(aws.ToString(env.Parameter.Value)), &d) != nil || d.Generation != 1 || d.Image != id(1, 1) || env.Parameter.Type != types.ParameterTypeString {
		t.Errorf("envelope %+v, %v", d, err)
	}
	if _, err := l.publish("run-3", 3); err != nil {
		t.Fatal(err)
	}
	l.hold(3)
	l.correct()
}
