package channel

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/test/race"
)

// Scenario 17: the put is answered with 200 and the value rejected afterwards.
func TestAPointerRejectedAfterTheAnswerHasTheOthersPutBack(t *testing.T) {
	l := openLine(t, fiveCells[:3])
	l.onMove = func(text string) {
		if strings.Contains(text, "us-east-1") {
			_, err := ec2.NewFromConfig(l.Config(l.cells[1])).DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(id(1, 1))})
			if err != nil {
				t.Error(err)
			}
		}
	}
	got, err := l.publish("run-1", 1)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "never validated") {
		t.Errorf("got %v", err)
	}
	for n, want := range []string{publish.PutBack, publish.Refused, publish.PutBack} {
		if got.Pointers[n].Outcome != want {
			t.Errorf("pointer %d: %+v", n, got.Pointers[n])
		}
	}
	l.hold(0)
	l.correct()
}

// Scenario 18: a crash after two of five pointers. Going on completes them; so does
// another run of the same image; verify shows what stands between.
func TestACrashAfterTwoOfFivePointersIsSeenAndCompleted(t *testing.T) {
	for name, complete := range map[string]func(*line, *publish.Plan, json.RawMessage) error{
		"by going on": func(l *line, p *publish.Plan, state json.RawMessage) error {
			raw, _, _, err := l.advance(p, state, nil)
			if err == nil {
				_, err = publish.Result(raw)
			}
			return err
		},
		"by another run": func(l *line, _ *publish.Plan, _ json.RawMessage) error {
			_, err := l.publish("run-2", 1)
			return err
		},
		"by a newer image": func(l *line, _ *publish.Plan, _ json.RawMessage) error {
			if _, err := l.publish("run-3", 2); err != nil {
				return err
			}
			l.hold(2)
			_, err := l.publish("run-4", 1)
			if fault.KindOf(err) != fault.Conflict {
				return fmt.Errorf("the older one again: %w", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLine(t, fiveCells)
			p, err := l.stage.Plan(t.Context(), l.input("run-1", 1))
			if err != nil {
				t.Fatal(err)
			}
			// The second pointer was written, and the journal does not say so.
			_, before, _, err := l.advance(p, nil, func() bool { return l.moved == 2 })
			if err != nil {
				t.Fatal(err)
			}
			l.Clock().Step(time.Minute)
			_, all := l.verify()
			for n, f := range all {
				if want := id(1, n); f.State != publish.Incorrect || f.Expected != want || (f.Actual == want) != (n < 2) {
					t.Errorf("cell %d: %s, expected %s, actual %s", n, f.State, f.Expected, f.Actual)
				}
			}
			if err := complete(l, p, before); err != nil {
				t.Fatal(err)
			}
			if name != "by a newer image" {
				l.hold(1)
			}
			l.correct()
			if name == "by going on" {
				ports, _ := l.Ports(t.Context(), l.cells[1])
				if h, err := ports.Parameters.History(t.Context(), channel); err != nil || len(h) != 2 {
					t.Errorf("the pointer has %d versions, %v", len(h), err)
				}
			}
		})
	}
}

// Scenario 18, the other way out: what cannot be finished is put back.
func TestAThrottledCellHasTheMovedPointersPutBack(t *testing.T) {
	l := openLine(t, fiveCells, twin.Rule{Service: "ssm", Operation: "PutParameter", Account: "222222222222", Region: "us-east-1",
		Match: `"/golden/demo/latest"`, Nth: 2, Times: -1, Error: &twin.RuleError{Code: "ThrottlingException"}})
	got, err := l.publish("run-1", 1)
	if fault.KindOf(err) != fault.Failed {
		t.Errorf("got %v", err)
	}
	for n, p := range got.Pointers {
		if (p.Outcome == publish.PutBack) != (n < 4) {
			t.Errorf("%s %s: %s", p.Account, p.Region, p.Outcome)
		}
	}
	l.hold(0)
	l.correct()
}

func TestALostAnswerMovesAPointerOnce(t *testing.T) {
	l := openLine(t, fiveCells[:3], twin.Rule{Service: "ssm", Operation: "PutParameter", Region: "us-east-1",
		Match: `"/golden/demo/latest"`, Nth: 2, LostResponse: true})
	if _, err := l.publish("run-1", 1); err != nil {
		t.Fatal(err)
	}
	ports, _ := l.Ports(t.Context(), l.cells[1])
	if h, err := ports.Parameters.History(t.Context(), channel); err != nil || len(h) != 2 {
		t.Errorf("the pointer has %d versions, %v", len(h), err)
	}
	l.hold(1)
	l.correct()
}

// Reads that lag neither hang nor multiply the writes.
func TestReadsThatLagAreWaitedFor(t *testing.T) {
	l := openLine(t, fiveCells[:2], twin.Rule{Service: "ssm", From: race.Start.Add(time.Second), Stale: twin.Duration(7 * time.Second)})
	if _, err := l.publish("run-1", 1); err != nil {
		t.Fatal(err)
	}
	l.Clock().Step(time.Minute)
	ports, _ := l.Ports(t.Context(), l.cells[1])
	for name, most := range map[string]int{channel: 2, publish.EnvelopeName(channel): 3} {
		if h, err := ports.Parameters.History(t.Context(), name); err != nil || len(h) > most {
			t.Errorf("%s has %d versions, %v", name, len(h), err)
		}
	}
	l.hold(1)
	l.correct()
}
