package spread

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

// What a publication would refuse in the end is refused before a bake that takes long,
// and in the plan.
func TestAChannelThatSomebodyWroteByHandIsSaidInThePlanAndBeforeTheBake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	doc, said, err := w.run(t, "", "publish", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if o := w.plan(t); o.Refused != "" {
		t.Errorf("refused: %s", o.Refused)
	}
	put := func(value string) {
		if _, err := ssm.NewFromConfig(w.aws(prod, there)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(channel), Value: &value,
			DataType: aws.String("aws:ec2:image"), Type: types.ParameterTypeString, Overwrite: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
	}
	published := w.pointer(t, prod, there)
	put(baseID(there)) // twice, so that the numbers of the versions differ between the places
	put(baseID(there))
	want := []string{channel + " (" + prod + " " + there + "): somebody wrote version 3 (" + baseID(there) + ") by hand over version 1 (" + published + ")"}
	hint := "`rehydrate publish rollback --to 1 " + channel + "`"
	resp, err := http.Post(w.Endpoint+"/_twin/clock/step?by=1m", "", nil) // until it is validated
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := w.pointer(t, prod, there); got != baseID(there) {
		t.Fatalf("the channel holds %s", got)
	}
	if o := w.plan(t); !strings.Contains(o.Refused, want[0]) || !strings.Contains(fault.HintOf(o.Err()), hint) || !o.Pending() {
		t.Errorf("refused: %q, hint %q", o.Refused, fault.HintOf(o.Err()))
	}
	again, _, err := w.run(t, "", "publish", nil)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "before the bake: publish to "+want[0]) || again.Bake != nil {
		t.Errorf("%v, baked %+v", err, again.Bake)
	}
	if got := w.pointer(t, home, here); got != doc.Bake.Image {
		t.Errorf("home holds %s", got)
	}
}

// Nothing new is there to be baked, and what stands is older than what another machine,
// with a state folder of its own, has published since.
func TestAnImageThatAnotherMachineHasOvertakenIsRefusedBeforeItsGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	if _, said, err := w.run(t, "", "publish", nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	there := *w
	var err error
	if there.state, err = app.OpenState(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	newer, said, err := there.run(t, "", "publish", nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	doc, _, err := w.run(t, "", "publish", nil)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "there is nothing new to bake: publish to "+channel) ||
		!strings.Contains(err.Error(), "it holds "+newer.Bake.Image) || !strings.Contains(fault.HintOf(err), "rehydrate run --force") {
		t.Errorf("%v, next: %s", err, fault.HintOf(err))
	}
	if doc.Bake != nil || doc.Validate != nil || doc.Spread != nil || len(doc.Stages) != 1 {
		t.Errorf("it went as far as %+v", doc.Stages)
	}
	// A run that was to end at the gate is none of the channel's business.
	if doc, said, err := w.run(t, "", "validate", nil); err != nil || doc.Validate == nil {
		t.Errorf("%v\n%s", err, said)
	}
}
