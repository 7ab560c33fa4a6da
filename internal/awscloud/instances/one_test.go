package instances_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/fault"
)

func TestANodeIsOneLivingLinuxInstance(t *testing.T) {
	windows := instance("i-1", "running")
	windows.Platform = types.PlatformValuesWindows
	for name, c := range map[string]struct {
		found []types.Instance
		kind  fault.Kind
	}{
		"nothing":    {nil, fault.NotFound},
		"terminated": {[]types.Instance{instance("i-1", "terminated")}, fault.NotFound},
		"windows":    {[]types.Instance{windows}, fault.Unsupported},
	} {
		if _, err := (instances.Nodes{API: &stub{found: c.found}, SSM: manager{}}).Node(t.Context(), "i-1"); err == nil || fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	for id, managed := range map[string]bool{"i-1": true, "i-2": false} {
		s := &stub{found: []types.Instance{instance(id, "running")}}
		n, err := instances.Nodes{API: s, SSM: manager{}}.Node(t.Context(), id)
		if err != nil || n.ID != id || n.Arch != "x86_64" || n.Managed != managed || *s.asked[0].Filters[0].Name != "instance-id" {
			t.Errorf("%+v, %v", n, err)
		}
	}
}
