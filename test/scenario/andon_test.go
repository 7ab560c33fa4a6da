package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

func requestImage(id string) *ec2types.RequestLaunchTemplateData {
	return &ec2types.RequestLaunchTemplateData{ImageId: &id}
}

// paused is a roll of two groups with checkpoints, one at a time, of which the first is
// on its way when order is given.
func paused(t *testing.T, order string, after time.Duration) *account {
	t.Helper()
	a := open(t)
	a.group("web", 10)
	a.group("zed", 2)
	a.prefs.MinHealthy = aws.Int(80)
	a.prefs.Checkpoints, a.prefs.CheckpointDelay = []int{20, 60, 100}, 10*time.Minute
	a.in(after, func() { a.switches.pull(order + " by ana: too many errors") })
	return a
}

func TestPauseHoldsAtTheNextCheckpointAndResumeEndsTheRoll(t *testing.T) {
	a := paused(t, "pause", 30*time.Second)
	p := a.plan(newImage, []string{"web", "zed"})
	a.in(3*time.Hour, func() {
		if n := a.runs("web"); n[newImage] != 2 || n[oldImage] != 8 {
			t.Errorf("held with %v", n)
		}
		if len(a.refreshes("zed")) != 0 {
			t.Error("a group began while the andon said pause")
		}
		a.switches.pull("run")
	})
	got, err := a.roll(p)
	if err != nil || len(got) != 2 || got[0].Outcome != rollout.Done {
		t.Fatalf("%+v, %v", got, err)
	}
	a.wants(newImage, map[string]int{"web": 10, "zed": 2})
	if !a.said("web holds at its checkpoint of 20%") || !a.said("web is held at 20%: the andon says pause by ana: too many errors") {
		t.Error("nobody was told")
	}
}

func TestPauseNowHoldsWhereItIsAndAnotherProcessResumes(t *testing.T) {
	a := paused(t, "pause-now", 90*time.Second)
	a.maxWait = 20 * time.Minute
	p := a.plan(newImage, []string{"web", "zed"})
	if _, err := a.roll(p); fault.KindOf(err) != fault.Waiting || fault.KindOf(err).ExitCode() != 15 {
		t.Fatalf("got %v", err)
	}
	held := a.runs("web")
	if held[newImage] == 0 || held[oldImage] == 0 {
		t.Errorf("held with %v", held)
	}
	a.wait(5 * time.Hour)
	if now := a.runs("web"); now[newImage] != held[newImage] {
		t.Errorf("it went on while it was held: %v", now)
	}
	a.switches.pull("")
	if got, err := a.roll(p); err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	a.wants(newImage, map[string]int{"web": 10, "zed": 2})
}

func TestCancelEndsTheRollWithTheMapOfWhatRunsWhat(t *testing.T) {
	a := paused(t, "cancel", 2*time.Minute)
	got, err := a.roll(a.plan(newImage, []string{"web", "zed"}))
	if fault.KindOf(err) != fault.Halted || len(got) != 1 || len(got[0].Mixed) != 2 || got[0].Frozen {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := a.refreshes("web"); len(r) != 1 || r[0].Status != "Cancelled" {
		t.Errorf("%+v", r)
	}
	if got[0].OnImage == 0 || got[0].OnImage == 10 || !strings.Contains(err.Error(), "too many errors") {
		t.Errorf("%+v, %v", got[0], err)
	}
}

func TestRollbackTurnsWhatRunsRoundAndBringsBackWhatIsDone(t *testing.T) {
	a := open(t)
	a.group("dev", 2)
	a.group("web", 10)
	a.group("later", 2)
	a.prefs.MinHealthy = aws.Int(80)
	p := a.plan(newImage, []string{"dev"}, []string{"web"}, []string{"later"})
	var pull func()
	pull = func() {
		if len(a.refreshes("web")) == 0 || a.runs("web")[newImage] == 0 {
			a.in(15*time.Second, pull)
			return
		}
		a.switches.pull("rollback by ana: errors")
	}
	a.in(time.Minute, pull)
	got, err := a.roll(p)
	if fault.KindOf(err) != fault.RolledBack || fault.KindOf(err).ExitCode() != 12 || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	a.wants(oldImage, map[string]int{"dev": 2, "web": 10, "later": 2})
	if n := a.inv.Calls("RollbackInstanceRefresh"); n != 1 || len(a.refreshes("web")) != 1 || len(a.refreshes("dev")) != 2 || len(a.refreshes("later")) != 0 {
		t.Errorf("%d were turned round; web has %d refreshes, dev %d", n, len(a.refreshes("web")), len(a.refreshes("dev")))
	}
}

func TestAnAndonThatSaysNoBeforeAnythingMovesIsAConflictAndNothingIsTouched(t *testing.T) {
	for _, order := range []string{"cancel", "rollback"} {
		a := open(t)
		a.group("web", 2)
		a.switches.pull(order)
		got, err := a.roll(a.plan(newImage, []string{"web"}))
		if fault.KindOf(err) != fault.Conflict || len(got) != 0 || a.inv.Calls("StartInstanceRefresh") != 0 || a.inv.Calls("CreateLaunchTemplateVersion") != 0 {
			t.Errorf("%s: %+v, %v", order, got, err)
		}
	}
}

func TestAnAndonThatCannotBeReadKeepsNewGroupsFromBeginning(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	a.group("zed", 2)
	p := a.plan(newImage, []string{"web", "zed"})
	broken := func(err error) func() {
		return func() {
			a.switches.mu.Lock()
			defer a.switches.mu.Unlock()
			a.switches.err = err
		}
	}
	a.in(30*time.Second, broken(errors.New("no answer")))
	a.in(time.Hour, func() {
		if len(a.refreshes("zed")) != 0 {
			t.Error("a group began blind")
		}
		if n := a.runs("web"); n[newImage] != 4 {
			t.Errorf("what ran did not go on to its end: %v", n)
		}
		broken(nil)()
	})
	if got, err := a.roll(p); err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	a.wants(newImage, map[string]int{"web": 4, "zed": 2})
}

func TestTheAndonIsReadAtLeastEveryThirtySecondsAlsoInASoak(t *testing.T) {
	a := open(t)
	a.group("dev", 2)
	a.group("web", 4)
	p := a.plan(newImage, []string{"dev"}, []string{"web"})
	p.Rings[0].Soak = 6 * time.Hour
	if _, err := a.roll(p); err != nil {
		t.Fatal(err)
	}
	if len(a.switches.read) < 12*60 {
		t.Errorf("read %d times", len(a.switches.read))
	}
	for n := 1; n < len(a.switches.read); n++ {
		if gap := a.switches.read[n].Sub(a.switches.read[n-1]); gap > 30*time.Second {
			t.Fatalf("not read for %s at %s", gap, a.switches.read[n])
		}
	}
}

func TestWhatNobodyHasReleasedInLatestIsNotRolledOut(t *testing.T) {
	a := open(t)
	a.group("web", 3)
	got, err := a.roll(a.plan(newImage, []string{"web"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range a.describe("web").Instances {
		v := *i.LaunchTemplate.Version
		out, err := a.ec2.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &a.template, Versions: []string{v}})
		if err != nil {
			t.Fatal(err)
		}
		d := out.LaunchTemplateVersions[0].LaunchTemplateData
		if v != got[0].ToV || aws.ToString(d.UserData) != "cmVsZWFzZWQ=" || aws.ToString(d.ImageId) != newImage {
			t.Errorf("%s runs version %s: user data %s, image %s", *i.InstanceId, v, aws.ToString(d.UserData), aws.ToString(d.ImageId))
		}
	}
}

func TestManyGroupsRollBesideEachOtherWithFewCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("a fleet of groups: left out by -short")
	}
	a := open(t)
	var names []string
	for n := range 20 {
		names = append(names, fmt.Sprintf("web-%02d", n))
		a.group(names[n], 50)
	}
	a.prefs.MinHealthy = aws.Int(90)
	a.limits.Concurrency = 20
	p := a.plan(newImage, names)
	begun := a.Now()
	if _, err := a.roll(p); err != nil {
		t.Fatal(err)
	}
	each := float64(a.inv.AllCalls()) / 1000
	t.Logf("%d calls for 1000 instances in %s: %.3f each", a.inv.AllCalls(), a.Now().Sub(begun), each)
	if each > 0.1 {
		t.Errorf("%.3f calls for each instance: %v", each, a.inv.calls)
	}
}
