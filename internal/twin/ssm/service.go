package ssm

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// EC2 is what Systems Manager needs of EC2; *ec2.Service is one.
type EC2 interface {
	InstanceByID(tx *world.Tx, id string) (ec2.Instance, bool)
	Instances(tx *world.Tx) iter.Seq2[string, ec2.Instance]
	ImageByID(tx *world.Tx, id string) (ec2.Image, error)
	// EnsureStarted returns when the machine behind a running instance can be reached.
	EnsureStarted(ctx context.Context, id string) error
	OnState(f func(tx *world.Tx, id, state string))
	// Platform is what an instance's agent says of its operating system, "" if it cannot.
	Platform(tx *world.Tx, i ec2.Instance) (system baseline.OperatingSystem, product string)
}

// Machines is what the agent needs of the machines; *backing.Router is one.
type Machines interface {
	Run(ctx context.Context, id string, c backing.Command) (exit int, err error)
	Put(ctx context.Context, id, path string, mode fs.FileMode, r io.Reader) error
	Reboot(ctx context.Context, id string) error
	IsModelled(id string) bool
	Patch(ctx context.Context, id string, r record.NodeRequest) (record.NodeReport, error)
}

// Objects is what the agent needs of S3; *s3.Service is one.
type Objects interface {
	ListObjectsV2(tx *world.Tx, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error)
	GetObject(tx *world.Tx, in *s3.GetObjectInput) (*s3.GetObjectOutput, error)
	PutObject(tx *world.Tx, in *s3.PutObjectInput) (*s3.PutObjectOutput, error)
	EnsureBucket(tx *world.Tx, name string)
}

// Ports are what the service stands on.
type Ports struct {
	EC2      EC2
	Machines Machines
	Objects  Objects
	// Payload is rehydrate-node for an architecture as EC2 says it: what
	// AWS-RunPatchBaseline runs on a real root, as AWS's document downloads a program of
	// its own. With nil, that document fails there and says so.
	Payload func(arch string) (path string, err error)
	// Key says with an error that there is no such KMS key, or that it cannot be used now;
	// with nil, every key can.
	Key func(tx *world.Tx, name string) error
}

// Service is the twin's Systems Manager in all accounts and regions of one world.
type Service struct {
	w *world.World
	Ports

	mu      sync.Mutex
	running map[string]context.CancelFunc // by command/instance
}

// New makes the service of a world that has not been started yet.
func New(w *world.World, p Ports) *Service {
	s := &Service{w: w, Ports: p, running: map[string]context.CancelFunc{}}
	w.OnTimer(timerValidate, s.validateImage)
	w.OnTimer(timerDispatch, s.dispatchDue)
	w.OnTimer(timerExpire, s.expire)
	w.OnTimer(timerAgent, s.agentAsks)
	p.EC2.OnState(s.onState)
	return s
}

// Wire is the service's operations.
func (s *Service) Wire() *wire.Service {
	o := wire.NewService("ssm")
	wire.Op(o, "PutParameter", s.PutParameter)
	wire.Op(o, "GetParameter", s.GetParameter)
	wire.Op(o, "GetParameters", s.GetParameters)
	wire.Op(o, "GetParametersByPath", s.GetParametersByPath)
	wire.Op(o, "GetParameterHistory", s.GetParameterHistory)
	wire.Op(o, "DescribeParameters", s.DescribeParameters)
	wire.Op(o, "LabelParameterVersion", s.LabelParameterVersion)
	wire.Op(o, "UnlabelParameterVersion", s.UnlabelParameterVersion)
	wire.Op(o, "DeleteParameter", s.DeleteParameter)
	wire.Op(o, "DeleteParameters", s.DeleteParameters)
	wire.Op(o, "AddTagsToResource", s.AddTagsToResource)
	wire.Op(o, "ListTagsForResource", s.ListTagsForResource)
	wire.Op(o, "RemoveTagsFromResource", s.RemoveTagsFromResource)
	wire.Op(o, "CreateDocument", s.CreateDocument)
	wire.Op(o, "UpdateDocument", s.UpdateDocument)
	wire.Op(o, "UpdateDocumentDefaultVersion", s.UpdateDocumentDefaultVersion)
	wire.Op(o, "DescribeDocument", s.DescribeDocument)
	wire.Op(o, "GetDocument", s.GetDocument)
	wire.Op(o, "DeleteDocument", s.DeleteDocument)
	wire.Op(o, "ListDocuments", s.ListDocuments)
	wire.Op(o, "ListDocumentVersions", s.ListDocumentVersions)
	wire.Op(o, "SendCommand", s.SendCommand)
	wire.Op(o, "GetCommandInvocation", s.GetCommandInvocation)
	wire.Op(o, "ListCommands", s.ListCommands)
	wire.Op(o, "ListCommandInvocations", s.ListCommandInvocations)
	wire.Op(o, "CancelCommand", s.CancelCommand)
	wire.Op(o, "DescribeInstanceInformation", s.DescribeInstanceInformation)
	wire.Op(o, "GetInventory", s.GetInventory)
	wire.Op(o, "PutInventory", s.PutInventory)
	wire.Op(o, "ListInventoryEntries", s.ListInventoryEntries)
	wire.Op(o, "CreatePatchBaseline", s.CreatePatchBaseline)
	wire.Op(o, "UpdatePatchBaseline", s.UpdatePatchBaseline)
	wire.Op(o, "GetPatchBaseline", s.GetPatchBaseline)
	wire.Op(o, "DeletePatchBaseline", s.DeletePatchBaseline)
	wire.Op(o, "DescribePatchBaselines", s.DescribePatchBaselines)
	wire.Op(o, "RegisterDefaultPatchBaseline", s.RegisterDefaultPatchBaseline)
	wire.Op(o, "GetDefaultPatchBaseline", s.GetDefaultPatchBaseline)
	wire.Op(o, "RegisterPatchBaselineForPatchGroup", s.RegisterPatchBaselineForPatchGroup)
	wire.Op(o, "DeregisterPatchBaselineForPatchGroup", s.DeregisterPatchBaselineForPatchGroup)
	wire.Op(o, "GetPatchBaselineForPatchGroup", s.GetPatchBaselineForPatchGroup)
	wire.Op(o, "DescribePatchGroups", s.DescribePatchGroups)
	wire.Op(o, "DescribePatchGroupState", s.DescribePatchGroupState)
	wire.Op(o, "GetDeployablePatchSnapshotForInstance", s.GetDeployablePatchSnapshotForInstance)
	wire.Op(o, "DescribeInstancePatchStates", s.DescribeInstancePatchStates)
	wire.Op(o, "DescribeInstancePatchStatesForPatchGroup", s.DescribeInstancePatchStatesForPatchGroup)
	wire.Op(o, "DescribeInstancePatches", s.DescribeInstancePatches)
	wire.Op(o, "ListComplianceSummaries", s.ListComplianceSummaries)
	wire.Op(o, "PutComplianceItems", s.PutComplianceItems)
	wire.Op(o, "ListComplianceItems", s.ListComplianceItems)
	wire.Op(o, "ListResourceComplianceSummaries", s.ListResourceComplianceSummaries)
	return o
}
