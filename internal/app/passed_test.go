package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

// elsewhere is the same request on a machine with an empty state folder.
func elsewhere(t *testing.T, in ChannelRequest) ChannelRequest {
	t.Helper()
	in.State = state(t)
	return in
}

// labelled are the accounts where the newest version of a channel has the label passed.
func labelled(t *testing.T, in ChannelRequest, channel string) []string {
	t.Helper()
	all, err := ChannelHistory(t.Context(), in, channel)
	if err != nil {
		t.Fatal(err)
	}
	newest := map[string]ChannelEntry{}
	for _, e := range all {
		newest[e.Account] = e
	}
	var out []string
	for account, e := range newest {
		if slices.Contains(e.Labels, publish.LabelPassed) {
			out = append(out, account)
		}
	}
	slices.Sort(out)
	return out
}

// A ring is rolled to what the line's channel holds; its own is promoted to that after.
func TestAPromotionAfterTheRollIsProofOnAnotherMachine(t *testing.T) {
	in := channels(t)
	in.Image.Channels["qa"] = "/golden/web/qa"
	doc := published(t, in, 0)
	rolledRing(t, in, doc, "dev", "failed")
	if _, err := promote(t, in, "latest", "dev"); err != nil || labelled(t, in, "dev") != nil {
		t.Fatalf("a ring that failed: labelled in %v, %v", labelled(t, in, "dev"), err)
	}
	if _, err := promote(t, elsewhere(t, in), "dev", "qa"); fault.KindOf(err) != fault.GateSaysNo {
		t.Fatalf("without any proof: %v", err)
	}
	doc.Roll = nil
	rolledRing(t, in, doc, "dev", "done")
	if out, err := promote(t, in, "latest", "dev"); err != nil || !out.Skipped {
		t.Fatalf("again: %+v, %v", out, err)
	}
	if got := labelled(t, in, "dev"); !slices.Equal(got, []string{in.Cloud.Account, prod}) {
		t.Errorf("labelled in %v", got)
	}
	if out, err := promote(t, elsewhere(t, in), "dev", "qa"); err != nil || out.Pointers[1].Outcome != publish.Moved {
		t.Errorf("on another machine: %+v, %v", out, err)
	}
	if labelled(t, in, "qa") != nil {
		t.Error("qa has not been rolled, and is labelled")
	}
	all, err := VerifyChannels(t.Context(), in, "")
	if err != nil || Verified(all) != nil {
		t.Errorf("%v, %v", err, Verified(all))
	}
}

func TestAPromotionStandsWhereItCannotBeLabelled(t *testing.T) {
	in := channels(t)
	doc := published(t, in, 0)
	rolledRing(t, in, doc, "dev", "done")
	var warned []string
	in.Events = event.Func(func(e event.Event) {
		if strings.HasPrefix(e.Text, "moved ") {
			in.Config.Accounts[0].ExternalID = "wrong" // for whoever opens the account from now on
		}
		if e.Kind == event.Warned {
			warned = append(warned, e.Text)
		}
	})
	out, err := promote(t, in, "latest", "dev")
	if err != nil || out.Pointers[1].Outcome != publish.Moved || len(warned) != 1 || !strings.Contains(warned[0], "could not be labelled as passed") {
		t.Fatalf("%+v, %v, warned %q", out, err, warned)
	}
	in.Config.Accounts[0].ExternalID = "golden"
	in.Events = event.Discard
	if got := labelled(t, in, "dev"); !slices.Equal(got, []string{in.Cloud.Account}) {
		t.Errorf("labelled in %v", got)
	}
	if _, err := promote(t, in, "latest", "dev"); err != nil || len(labelled(t, in, "dev")) != 2 {
		t.Errorf("again: labelled in %v, %v", labelled(t, in, "dev"), err)
	}
}
