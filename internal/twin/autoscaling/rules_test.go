package autoscaling

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// invariants hold in every test, at every event: what a refresh itself ends never
// takes the serving capacity below its floor (where instances weigh one), and a
// refresh that was successful at 100 % leaves one template version in service, but for
// what it was told to leave alone.
func (r *rig) invariants(tx *world.Tx, e world.Event) {
	switch e.Kind {
	case "group.capacity":
		g, ok := groups(tx).Get(e.Data["group"].(string))
		if !ok || e.Data["cause"] != causeRefresh || len(g.config().overrides()) > 0 {
			return
		}
		if n, low := e.Data["serving"].(int), e.Data["floor"].(int); n < low {
			r.t.Errorf("%s: the refresh of %s leaves %d serving of at least %d", e.Time, g.name(), n, low)
		}
	case "refresh.status":
		x, ok := refreshes(tx).Get(e.Data["id"].(string))
		if !ok || x.Status != types.InstanceRefreshStatusSuccessful || x.Percent < 100 || aws.ToBool(x.Prefs.SkipMatching) {
			return
		}
		seen := map[string]bool{}
		for _, m := range members(tx, x.Group).All() {
			ignored := m.Protected && x.Prefs.ScaleInProtectedInstances == types.ScaleInProtectedInstancesIgnore
			if m.State == types.LifecycleStateInService && !ignored && m.Gen == x.ID {
				seen[aws.ToString(m.Template.Version)] = true
			} else if m.State == types.LifecycleStateInService && !ignored {
				r.t.Errorf("%s: %s in service was not launched by the refresh that has succeeded", e.Time, m.ID)
			}
		}
		if len(seen) > 1 {
			r.t.Errorf("%s: versions %v in service after a refresh of %s", e.Time, seen, x.Group)
		}
	}
}

// elbView is the fake EC2 as Elastic Load Balancing sees it.
type elbView struct{ f *fakeEC2 }

func (v elbView) InstanceByID(tx *world.Tx, id string) (ec2.Instance, bool) {
	i, ok := v.f.Instance(tx, id)
	return ec2.Instance{ID: id, State: i.State, Image: i.Image, Tags: i.Tags}, ok
}

func (v elbView) ImageByID(tx *world.Tx, id string) (ec2.Image, error) {
	i, ok := v.f.Image(tx, id)
	if !ok {
		return ec2.Image{}, invalid("no such image")
	}
	return ec2.Image{Tags: i.Tags}, nil
}

func (v elbView) DescribeVpcs(*world.Tx, *sdk.DescribeVpcsInput) (*sdk.DescribeVpcsOutput, error) {
	return &sdk.DescribeVpcsOutput{Vpcs: []ec2types.Vpc{{VpcId: aws.String("vpc-1")}}}, nil
}

func (v elbView) OnState(g func(tx *world.Tx, id, state string)) { v.f.OnState(g) }

// states are the lifecycle states of a group's instances, sorted.
func (r *rig) states(name string) string {
	var out []string
	for _, i := range r.describe(name).Instances {
		out = append(out, string(i.LifecycleState))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// events are the data of the events of a kind.
func (r *rig) events(kind string) (out []map[string]any) {
	all, _ := r.w.Events()
	for _, e := range all {
		if e.Kind == kind {
			out = append(out, e.Data)
		}
	}
	return out
}
