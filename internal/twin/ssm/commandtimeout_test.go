package ssm

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// lose takes the first instance away before a command can be delivered to it.
func (r *rig) lose() {
	r.t.Helper()
	if err := r.w.Do(r.account(), "eu-west-1", func(*world.Tx) error { r.ec2.instances[0].State = "stopping"; return nil }); err != nil {
		r.t.Fatal(err)
	}
}

func TestANodeThatNeverGotTheCommandIsNoError(t *testing.T) {
	r := newRig(t)
	id := r.mustSend(func(in *sdk.SendCommandInput) { in.TimeoutSeconds, in.MaxConcurrency = aws.Int32(600), aws.String("3") }, "i-00000000", "i-00000001", "i-00000002")
	r.lose()
	// 1, 2, 4: the second node is sent to only when the first has ended, which it does by
	// the time limit; then the command has expired for the others, too.
	r.step(11 * time.Minute)
	c := r.command(id)
	if c.Status != types.CommandStatusTimedOut || *c.StatusDetails != "DeliveryTimedOut" || c.ErrorCount != 0 || c.DeliveryTimedOutCount != 3 || c.CompletedCount != 3 {
		t.Errorf("%+v", c)
	}
	for _, n := range []string{"i-00000000", "i-00000001", "i-00000002"} {
		if i, err := r.invocation(id, n, ""); err != nil || *i.StatusDetails != "DeliveryTimedOut" {
			t.Errorf("%s: %+v %v", n, i, err)
		}
	}
}

func TestAnUndeliveredNodeDoesNotStopTheOthers(t *testing.T) {
	r := newRig(t)
	id := r.mustSend(func(in *sdk.SendCommandInput) { in.TimeoutSeconds, in.MaxErrors = aws.Int32(600), aws.String("0") }, "i-00000001", "i-00000002", "i-00000000")
	r.lose()
	r.step(time.Minute)
	r.wait("the other two", func() bool {
		out, err := r.c.ListCommands(t.Context(), &sdk.ListCommandsInput{CommandId: &id})
		return err == nil && out.Commands[0].CompletedCount == 2
	})
	r.step(11 * time.Minute)
	c := r.command(id)
	if c.Status != types.CommandStatusTimedOut || c.ErrorCount != 0 || c.DeliveryTimedOutCount != 1 || c.CompletedCount != 3 {
		t.Errorf("%+v", c)
	}
}
