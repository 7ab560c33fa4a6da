package instances

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// Node is the instance of that id, whatever its tags; of kind NotFound when there is
// none, and Unsupported when it runs Windows.
func (n Nodes) Node(ctx context.Context, id string) (inplace.Node, error) {
	list, err := describe(ctx, n.API, awscloud.Filter("instance-id", id))
	if err != nil {
		return inplace.Node{}, err
	}
	if len(list) != 1 || state(list[0]) == string(types.InstanceStateNameTerminated) {
		return inplace.Node{}, fault.New(fault.NotFound, "", "there is no instance %s", id)
	}
	x, tags := list[0], awscloud.TagMap(list[0].Tags)
	if x.Platform == types.PlatformValuesWindows {
		return inplace.Node{}, fault.New(fault.Unsupported, "", "instance %s runs Windows, which rehydrate-node does not", id)
	}
	online, err := managed(ctx, n.SSM, []string{id})
	if err != nil {
		return inplace.Node{}, err
	}
	return inplace.Node{ID: id, Name: tags["Name"], State: state(x), Arch: string(x.Architecture), Tags: tags, Managed: online[id]}, nil
}
