package spread

import (
	"testing"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

// A plan that is kept, or applied, rolls what the channels hold: a machine that could not
// bake may do so, whether or not there would be something to bake.
func TestAPlanOfTheRollAloneIsNotRefusedForWhatABakeLacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	if _, said, err := w.run(t, "", "publish", nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	elsewhere, err := app.OpenState(t.TempDir()) // knows of no bake
	if err != nil {
		t.Fatal(err)
	}
	w.with(t, func(c *app.Cloud) {
		for _, keep := range []bool{false, true} {
			o, err := app.MakePlan(t.Context(), app.Request{Config: w.config, Image: w.image, State: elsewhere, Cloud: c, Events: &said{}, Keep: keep})
			if err != nil || o.Bake.Skip {
				t.Fatalf("%v, %+v", err, o)
			}
			if why := o.Err(); keep && (why != nil || o.Refused != "") || !keep && fault.KindOf(why) != fault.Usage {
				t.Errorf("kept %v: %v", keep, why)
			}
		}
	})
}
