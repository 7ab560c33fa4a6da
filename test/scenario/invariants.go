package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

// refreshCause is how the twin says that it is a refresh which takes an instance out of
// service. What dies otherwise may take a group below its floor.
const refreshCause = "an instance was taken out of service in response to an instance refresh"

// never are calls that a roll has no reason for: what they change it would have to put
// back on every way out.
var never = []string{"SuspendProcesses", "ResumeProcesses", "SetDesiredCapacity", "SetInstanceProtection", "EnterStandby", "ExitStandby",
	"DetachInstances", "TerminateInstanceInAutoScalingGroup", "TerminateInstances", "ModifyLaunchTemplate", "DeleteLaunchTemplateVersions",
	"ExecutePolicy", "PutScheduledUpdateGroupAction", "DeleteAutoScalingGroup"}

// Invariants are what must hold at every event of a world:
//
//   - a refresh never takes the serving capacity of a group under its floor;
//   - a parameter of data type aws:ec2:image, or one that holds an image id, only ever
//     holds an image that is available at that moment;
//   - what rolls never changes capacity, processes or protection of a group;
//   - a template version that we make differs from its source in the image alone (Check).
type Invariants struct {
	mu      sync.Mutex
	broken  []string
	checked map[string]int
	calls   map[string]int // by operation, while watching
	quiet   bool
}

// Watch begins to watch a world and fails the test at its end if anything was broken.
func Watch(t testing.TB, w *world.World, images *twinec2.Service) *Invariants {
	t.Helper()
	in := &Invariants{checked: map[string]int{}, calls: map[string]int{}, quiet: true}
	w.Watch(func(tx *world.Tx, e world.Event) {
		switch e.Kind {
		case "group.capacity":
			in.capacity(e)
		case "parameter.changed":
			in.pointer(tx, e, images)
		}
	})
	w.OnEvent(func(e world.Event) {
		if e.Kind == "call" {
			in.call(e)
		}
	})
	t.Cleanup(func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		for _, b := range in.broken {
			t.Error("broken: " + b)
		}
	})
	return in
}

// Roll says that from now on the calls are those of a roll, or no more.
func (in *Invariants) Roll(rolling bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.quiet = !rolling
}

// Checked is how often an invariant (capacity, pointer, call, template) was looked at.
func (in *Invariants) Checked(what string) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.checked[what]
}

// Calls is how often a roll has called an operation.
func (in *Invariants) Calls(operation string) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.calls[operation]
}

// AllCalls is how many calls a roll has made.
func (in *Invariants) AllCalls() (n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, c := range in.calls {
		n += c
	}
	return n
}

func (in *Invariants) fail(e world.Event, format string, args ...any) {
	in.broken = append(in.broken, e.Time.UTC().Format("15:04:05")+" "+fmt.Sprintf(format, args...))
}

func (in *Invariants) capacity(e world.Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.checked["capacity"]++
	serving, floor := e.Data["serving"].(int), e.Data["floor"].(int)
	if e.Data["cause"] == refreshCause && serving < floor {
		in.fail(e, "a refresh took group %s to %d serving, its floor is %d", e.Data["group"], serving, floor)
	}
}

var imageID = regexp.MustCompile(`^ami-[0-9a-f]{8,17}$`)

func (in *Invariants) pointer(tx *world.Tx, e world.Event, images *twinec2.Service) {
	value, _ := e.Data["value"].(string)
	if !imageID.MatchString(value) {
		return
	}
	i, err := images.ImageByID(tx, value)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.checked["pointer"]++
	if err != nil || i.State != "available" {
		in.fail(e, "parameter %v points to %s, which is %q (%v)", e.Data["name"], value, i.State, err)
	}
}

func (in *Invariants) call(e world.Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.quiet {
		return
	}
	in.checked["call"]++
	op := fmt.Sprint(e.Data["op"])
	in.calls[op]++
	if slices.Contains(never, op) {
		in.fail(e, "a roll called %s", op)
	}
}

var ours = regexp.MustCompile(`^rehydrate: version (\d+) with image (\S+)$`)

// Check reads every version of the launch templates and compares those that we made with
// what they were made from. It returns how many it compared.
func (in *Invariants) Check(ctx context.Context, c *ec2.Client, templates ...string) (int, error) {
	n := 0
	for _, id := range templates {
		out, err := c.DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id})
		if err != nil {
			return n, err
		}
		data := map[string]json.RawMessage{}
		for _, v := range out.LaunchTemplateVersions {
			if data[fmt.Sprint(*v.VersionNumber)], err = json.Marshal(v.LaunchTemplateData); err != nil {
				return n, err
			}
		}
		for _, v := range out.LaunchTemplateVersions {
			m := ours.FindStringSubmatch(aws.ToString(v.VersionDescription))
			if m == nil {
				continue
			}
			n++
			d, err := rollout.Diff(data[m[1]], data[fmt.Sprint(*v.VersionNumber)])
			if err != nil {
				return n, err
			}
			if len(d) != 1 || d[0].Path != "ImageId" || d[0].To != m[2] {
				in.mu.Lock()
				in.broken = append(in.broken, fmt.Sprintf("version %d of %s differs from %s in %v", *v.VersionNumber, id, m[1], d))
				in.mu.Unlock()
			}
			if aws.ToBool(v.DefaultVersion) {
				in.mu.Lock()
				in.broken = append(in.broken, fmt.Sprintf("version %d of %s was made the default", *v.VersionNumber, id))
				in.mu.Unlock()
			}
		}
	}
	in.mu.Lock()
	in.checked["template"] += n
	in.mu.Unlock()
	return n, nil
}
