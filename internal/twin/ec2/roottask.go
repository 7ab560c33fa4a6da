package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// RootTask is the replacement of an instance's root volume.
type RootTask struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	Image    string `json:"image,omitempty"`    // to restore from; or
	Snapshot string `json:"snapshot,omitempty"` // this; neither: the launch state
	// State is pending, in-progress, succeeded, failed, failed-detached
	// ("ReplaceRootVolumeTask", API Reference).
	State     string            `json:"state"`
	Started   time.Time         `json:"started"`
	Completed time.Time         `json:"completed,omitzero"`
	Delete    bool              `json:"delete,omitempty"` // the volume that was replaced
	Tags      map[string]string `json:"tags,omitempty"`
	Disk      Disk              `json:"disk"`    // of the new volume
	Content   string            `json:"content"` // key
	Fails     bool              `json:"fails,omitempty"`
	Pending   Pending           `json:"pending,omitzero"`
}

func rootTasks(tx *world.Tx) *world.Rows[RootTask] {
	return world.Table[RootTask](tx, "ec2/root-tasks")
}

const timerRoot = "ec2/root-due"

// Task states.
const (
	taskPending   = "pending"
	taskProgress  = "in-progress"
	taskSucceeded = "succeeded"
	taskFailed    = "failed"
	taskDetached  = "failed-detached"
)

// How long a replacement takes; believed: like a stop and a start.
const (
	rootBegin         = 5 * time.Second
	rootLow, rootHigh = 30 * time.Second, 90 * time.Second
)

// CreateReplaceRootVolumeTask handles the operation of that name ("Replace the root
// volume for an Amazon EC2 instance without stopping it", EC2 User Guide): the
// instance keeps its address, its interface and its other volumes, and reboots.
func (s *Service) CreateReplaceRootVolumeTask(tx *world.Tx, in *ec2.CreateReplaceRootVolumeTaskInput) (*ec2.CreateReplaceRootVolumeTaskOutput, error) {
	if in.VolumeId != nil || in.VolumeInitializationRate != nil {
		return nil, unmodelled("CreateReplaceRootVolumeTask", "VolumeId or VolumeInitializationRate")
	}
	bare := *in
	bare.ClientToken = nil
	id, remember, err := once(tx, "CreateReplaceRootVolumeTask", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if id == "" {
		tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeReplaceRootVolumeTask)
		if err != nil {
			return nil, err
		}
		t, err := s.ReplaceRoot(tx, RootTask{
			Instance: aws.ToString(in.InstanceId), Image: aws.ToString(in.ImageId), Snapshot: aws.ToString(in.SnapshotId),
			Delete: aws.ToBool(in.DeleteReplacedRootVolume), Tags: tags[types.ResourceTypeReplaceRootVolumeTask],
		})
		if err != nil {
			return nil, err
		}
		id = t.ID
		remember(id)
	}
	t, ok := rootTasks(tx).Get(id)
	if !ok {
		return nil, noTask(id)
	}
	return &ec2.CreateReplaceRootVolumeTaskOutput{ReplaceRootVolumeTask: sdkRootTask(t)}, nil
}

func noTask(ids ...string) error {
	return missing("InvalidReplaceRootVolumeTaskId.NotFound", "replace root volume task ID", ids...)
}

// ReplaceRoot begins a replacement with what t says of Instance, Image or Snapshot,
// Delete and Tags, and returns the task. Errors are AWS's own.
func (s *Service) ReplaceRoot(tx *world.Tx, t RootTask) (RootTask, error) {
	rows, err := byIDs(tx, []string{t.Instance})
	if err != nil {
		return t, err
	}
	i := rows[0]
	if i.State != stateRunning {
		return t, wrongState(i, "given another root volume")
	}
	if t.Image != "" && t.Snapshot != "" {
		return t, badCombination("Specify at most one of ImageId and SnapshotId")
	}
	for _, o := range rootTasks(tx).All() {
		if o.Instance == i.ID && (o.State == taskPending || o.State == taskProgress) {
			return t, wire.Errorf("IncorrectInstanceState", "The root volume of instance '%s' is being replaced by task %s", i.ID, o.ID)
		}
	}
	v, err := rootOf(tx, i)
	if err != nil {
		return t, err
	}
	t.Disk = v.disk()
	if t.Content, err = s.rootSource(tx, i, v, &t); err != nil {
		return t, err
	}
	c, ok := contents(tx).Get(t.Content)
	if !ok || len(c.Image.Layers) == 0 && c.Image.Modelled == nil {
		return t, unmodelled("CreateReplaceRootVolumeTask", "a disk that was uploaded: the twin has no root to start from")
	}
	t.ID, t.State, t.Started = tx.ID("replacevol-"), taskPending, tx.Now
	t.Pending = Pending{Due: tx.Now.Add(rootBegin)}
	t.Pending.Timer = tx.At(t.Pending.Due, timerRoot, t.ID)
	s.putTask(tx, t)
	return t, nil
}

// rootOf is the volume that an instance boots from.
func rootOf(tx *world.Tx, i Instance) (Volume, error) {
	for _, id := range i.Volumes {
		if v, ok := volumes(tx).Get(id); ok && v.Device == i.RootDevice {
			return v, nil
		}
	}
	return Volume{}, wire.Errorf("IncorrectState", "The instance '%s' has no root volume", i.ID)
}

// rootSource is the content of the new volume, whose disk it settles.
func (s *Service) rootSource(tx *world.Tx, i Instance, v Volume, t *RootTask) (string, error) {
	switch {
	case t.Snapshot != "":
		n, ok := snapshot(tx, t.Snapshot)
		if !ok || !n.visible(tx.Account) {
			return "", noSnapshot(t.Snapshot)
		}
		if n.State != snapCompleted {
			return "", wire.Errorf("IncorrectState", "The snapshot '%s' is not completed", n.ID)
		}
		if n.Volume != v.ID { // "a snapshot that you previously created from the original root volume"
			return "", badValue("The snapshot '%s' was not created from the root volume '%s'", n.ID, v.ID)
		}
		t.Disk.Snapshot, t.Disk.Size = n.ID, max(v.Size, n.Size)
		return n.Content, nil
	case t.Image != "":
		img, err := s.ImageByID(tx, t.Image)
		if err != nil {
			return "", err
		}
		// "the same product code, billing information, architecture type, and
		// virtualization type as that of the instance"
		if img.Architecture != i.Architecture || img.Platform != i.Platform {
			return "", badValue("The image '%s' of architecture %s does not match the instance '%s' of architecture %s", img.ID, img.Architecture, i.ID, i.Architecture)
		}
		if len(img.Disks) != 1 {
			return "", badValue("The image '%s' must have exactly one volume", img.ID)
		}
		d := img.Disks[0]
		fresh := v.disk()
		fresh.Device, fresh.Snapshot, fresh.Size, fresh.Encrypted, fresh.Key = d.Device, d.Snapshot, max(v.Size, d.Size), d.Encrypted, d.Key
		disks := []Disk{fresh}
		t.Fails = s.encryptDisks(tx, img, disks, "").Code != ""
		t.Disk = disks[0]
		t.Disk.Device = v.Device
		return img.Content, nil
	}
	return i.Content, nil
}

func (s *Service) putTask(tx *world.Tx, t RootTask) {
	rootTasks(tx).Put(t.ID, t)
	tx.Event("ec2.root.replacement", map[string]any{"task": t.ID, "instance": t.Instance, "state": t.State, "image": t.Image})
	if t.Completed.IsZero() {
		return
	}
	for _, f := range s.onRoot {
		f(tx, t)
	}
}
