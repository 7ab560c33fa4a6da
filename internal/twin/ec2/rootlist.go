package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeReplaceRootVolumeTasks handles the operation of that name.
func (s *Service) DescribeReplaceRootVolumeTasks(tx *world.Tx, in *ec2.DescribeReplaceRootVolumeTasksInput) (*ec2.DescribeReplaceRootVolumeTasksOutput, error) {
	if err := known("DescribeReplaceRootVolumeTasks", in.Filters, rootFields(RootTask{}), map[string]string{}); err != nil {
		return nil, err
	}
	var rows []RootTask
	var unknown []string
	for _, id := range distinct(in.ReplaceRootVolumeTaskIds) {
		t, ok := rootTasks(tx).Get(id)
		if !ok {
			unknown = append(unknown, id)
		}
		rows = append(rows, t)
	}
	if len(unknown) > 0 {
		return nil, noTask(unknown...)
	}
	if len(in.ReplaceRootVolumeTaskIds) == 0 {
		for _, t := range rootTasks(tx).All() {
			rows = append(rows, t)
		}
	}
	var all []types.ReplaceRootVolumeTask
	for _, t := range rows {
		t = s.lookedTask(tx, t)
		if match(in.Filters, rootFields(t), orNone(t.Tags)) {
			all = append(all, *sdkRootTask(t))
		}
	}
	out, next, err := page(tx, in, all, func(t types.ReplaceRootVolumeTask) string { return *t.ReplaceRootVolumeTaskId }, 1, 50)
	return &ec2.DescribeReplaceRootVolumeTasksOutput{ReplaceRootVolumeTasks: out, NextToken: next}, err
}

// RootTaskByID is a replacement in the transaction's account and region.
func (s *Service) RootTaskByID(tx *world.Tx, id string) (RootTask, bool) {
	return rootTasks(tx).Get(id)
}

func sdkRootTask(t RootTask) *types.ReplaceRootVolumeTask {
	out := &types.ReplaceRootVolumeTask{
		ReplaceRootVolumeTaskId: &t.ID, InstanceId: &t.Instance, TaskState: types.ReplaceRootVolumeTaskState(t.State),
		StartTime: aws.String(t.Started.UTC().Format(time.RFC3339)), Tags: sdkTags(t.Tags), DeleteReplacedRootVolume: &t.Delete,
		ImageId: some(t.Image), SnapshotId: some(t.Disk.Snapshot),
	}
	if !t.Completed.IsZero() {
		out.CompleteTime = aws.String(t.Completed.UTC().Format(time.RFC3339))
	}
	return out
}

func rootFields(t RootTask) fields { return fields{"instance-id": {t.Instance}} }
