package rollout_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// fileOf is a plan as its file says it.
func fileOf(t *testing.T, p *rollout.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := rollout.WritePlan(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAPlansFileThatWasEditedAnywhereIsRefused(t *testing.T) {
	r, in := surging(1, 0, map[string]int{"s": 50}, []string{"s"})
	in.Rings[0].Policy = "sha256:1"
	text := fileOf(t, planOf(t, world{{}: r}, in))
	if p, err := rollout.ReadPlan([]byte(text)); err != nil || p.Hash == "" {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		`"group": "g0"`: `"group": "g1"`, `"desired": 10`: `"desired": 20`, `"percent": 25`: `"percent": 900`, `"age": 604800000000000`: `"age": 0`,
		`"floor": 10`: `"floor": 1`, `"policy": "sha256:1"`: `"policy": ""`, `"at": "2026`: `"at": "2036`, `"sum": "sha256:`: `"sum": "sha256:0`,
		`"wanted": 5`: `"wanted": 4`,
	} {
		edited := strings.Replace(text, from, to, 1)
		if edited == text {
			t.Fatalf("the plan does not say %s", from)
		}
		if _, err := rollout.ReadPlan([]byte(edited)); fault.KindOf(err) != fault.Conflict || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", to, err)
		}
	}
}

func TestAPlanHoldsAsLongAsItSays(t *testing.T) {
	f, in := demo(), demoInput()
	p := plan(t, f, in)
	p.At = clock{}.Now().Add(-7 * 24 * time.Hour)
	if err := f.stage().Check(t.Context(), in, p); err != nil {
		t.Errorf("a plan of a week: %v", err)
	}
	p.At = p.At.Add(-time.Second)
	if err := f.stage().Check(t.Context(), in, p); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "holds for 7 days") {
		t.Errorf("an older one: %v", err)
	}
}

func TestAPlanHoldsForTheGatesThatItWasMadeWith(t *testing.T) {
	f, in := demo(), demoInput()
	p := plan(t, f, in)
	in.Rings[0].Policy = "sha256:nobody approves any more"
	err := f.stage().Check(t.Context(), in, p)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "approval, alarms or checks of ring "+in.Rings[0].Name+" are others") {
		t.Errorf("%v", err)
	}
}
