package ssm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// patchNode is what an agent has reported of its node.
type patchNode struct {
	OS      baseline.OperatingSystem `json:"os"`
	Product string                   `json:"product"`
}

func patchNodes(tx *world.Tx) *world.Rows[patchNode] {
	return world.Table[patchNode](tx, "ssm/patchNodes")
}

// snapshotLife is how long a snapshot id stands for the same content (specification §9).
const snapshotLife = 3 * 24 * time.Hour

// patchSnapshot is a frozen baseline: fixed per account, region, patch group, operating
// system and id (specification §9).
type patchSnapshot struct {
	ID       string            `json:"id"`
	Baseline string            `json:"baseline"` // id; "" for an override
	Policy   baseline.Baseline `json:"policy"`
	Group    string            `json:"group"`
	Override bool              `json:"override,omitempty"`
	Created  time.Time         `json:"created"`
}

func patchSnapshots(tx *world.Tx) *world.Rows[patchSnapshot] {
	return world.Table[patchSnapshot](tx, "ssm/patchSnapshots")
}

// snapshot is the baseline by which a node is patched: what its snapshot id stands for
// already, or what its override, patch group and account say now (specification §8). An
// empty id gives the node a snapshot of its own.
func (s *Service) snapshot(tx *world.Tx, instance, id string, os baseline.OperatingSystem, who baseline.NodeIdentity) (patchSnapshot, error) {
	e, ok := s.EC2.InstanceByID(tx, instance)
	if !ok {
		return patchSnapshot{}, wire.Errorf("InvalidInstanceId", "The instance %s does not exist.", instance)
	}
	who.OS, who.Tags = os, e.Tags
	group, err := baseline.PatchGroup(e.Tags)
	if err != nil {
		return patchSnapshot{}, err
	}
	key := group + "\x00" + string(os) + "\x00" + id
	if have, ok := patchSnapshots(tx).Get(key); ok && id != "" && tx.Now.Sub(have.Created) < snapshotLife {
		return have, nil // beats an override file that has changed since
	}
	a, err := account(tx, os)
	if err != nil {
		return patchSnapshot{}, err
	}
	found, err := a.Resolve(who)
	if err != nil {
		return patchSnapshot{}, err
	}
	out := patchSnapshot{ID: id, Group: group, Created: tx.Now}
	if found.Step == "baselineOverride" {
		out.Override, out.Policy = true, who.Override[found.Override]
		out.Policy.Name = orElse(out.Policy.Name, "baseline-override")
	} else {
		b, err := anyBaseline(tx, found.Baseline)
		if err != nil {
			return patchSnapshot{}, err
		}
		out.Baseline, out.Policy = b.ID, b.Policy
	}
	if id == "" {
		out.ID = tx.UUID()
		return out, nil
	}
	patchSnapshots(tx).Put(key, out)
	return out, nil
}

// account is what the resolution of baselines reads of the account.
func account(tx *world.Tx, os baseline.OperatingSystem) (*baseline.Account, error) {
	a := &baseline.Account{Defaults: map[baseline.OperatingSystem]string{}, Groups: map[string]map[baseline.OperatingSystem]string{}}
	for _, r := range registrations(tx).All() {
		if a.Groups[r.Group] == nil {
			a.Groups[r.Group] = map[baseline.OperatingSystem]string{}
		}
		a.Groups[r.Group][r.OS] = r.Baseline
	}
	d, err := defaultBaseline(tx, os)
	a.Defaults[os] = d.ID
	return a, err
}

// GetDeployablePatchSnapshotForInstance freezes the node's baseline and says where the
// file is. AWS signs an address in a bucket of its own; the twin, which does not know by
// what address it is reached, names an object in a bucket of the account. The operating
// system is the one that the node's agent has reported with its first patch run.
func (s *Service) GetDeployablePatchSnapshotForInstance(tx *world.Tx, in *ssm.GetDeployablePatchSnapshotForInstanceInput) (*ssm.GetDeployablePatchSnapshotForInstanceOutput, error) {
	if in.BaselineOverride != nil {
		return nil, unmodelled("a BaselineOverride of GetDeployablePatchSnapshotForInstance")
	}
	node, ok := patchNodes(tx).Get(aws.ToString(in.InstanceId))
	if !ok {
		return nil, wire.Errorf("UnsupportedOperatingSystem", "The operating system of %s is not known: no agent there has reported it.", aws.ToString(in.InstanceId))
	}
	snap, err := s.snapshot(tx, aws.ToString(in.InstanceId), aws.ToString(in.SnapshotId), node.OS, baseline.NodeIdentity{})
	if err != nil {
		return nil, asRefusal(err)
	}
	file := baseline.NewSnapshot(&snap.Policy, snap.Group)
	file.Baseline.AccountID, file.Baseline.BaselineID = tx.Account, snap.Baseline
	text, err := json.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("write patch snapshot: %w", err)
	}
	bucket := "patch-baseline-snapshot-" + tx.Region + "-" + tx.Account
	key := tx.Account + "/" + string(node.OS) + "/" + snap.ID + ".json"
	s.Objects.EnsureBucket(tx, bucket)
	if _, err := s.Objects.PutObject(tx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(text)}); err != nil {
		return nil, err
	}
	return &ssm.GetDeployablePatchSnapshotForInstanceOutput{
		InstanceId: in.InstanceId, SnapshotId: &snap.ID, Product: &node.Product, SnapshotDownloadUrl: aws.String("https://s3." + tx.Region + ".amazonaws.com/" + bucket + "/" + key),
	}, nil
}

// asRefusal words a condition of a patch run as an API error.
func asRefusal(err error) error {
	if run, ok := err.(*baseline.RunError); ok { //nolint:errorlint // the resolution returns it as it is
		return invalid("%s", run.Text)
	}
	return err
}
