package ec2

import (
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Wire is the service with all modelled operations.
func (s *Service) Wire() *wire.Service {
	w := wire.NewService("ec2")
	s.wireInstances(w)
	s.wireImages(w)
	s.wireSnapshots(w)
	s.wireTemplates(w)
	s.wireNetwork(w)
	op(s, w, "CreateTags", s.CreateTags)
	op(s, w, "DeleteTags", s.DeleteTags)
	op(s, w, "DescribeTags", s.DescribeTags)
	op(s, w, "CreateKeyPair", s.CreateKeyPair)
	op(s, w, "ImportKeyPair", s.ImportKeyPair)
	op(s, w, "DeleteKeyPair", s.DeleteKeyPair)
	op(s, w, "DescribeKeyPairs", s.DescribeKeyPairs)
	return w
}

func (s *Service) wireInstances(w *wire.Service) {
	op(s, w, "RunInstances", s.RunInstances)
	op(s, w, "DescribeInstances", s.DescribeInstances)
	op(s, w, "DescribeInstanceStatus", s.DescribeInstanceStatus)
	op(s, w, "StartInstances", s.StartInstances)
	op(s, w, "StopInstances", s.StopInstances)
	op(s, w, "RebootInstances", s.RebootInstances)
	op(s, w, "TerminateInstances", s.TerminateInstances)
	op(s, w, "ModifyInstanceAttribute", s.ModifyInstanceAttribute)
	op(s, w, "DescribeInstanceAttribute", s.DescribeInstanceAttribute)
	op(s, w, "DescribeInstanceTypes", s.DescribeInstanceTypes)
	op(s, w, "DescribeInstanceTypeOfferings", s.DescribeInstanceTypeOfferings)
	op(s, w, "CreateReplaceRootVolumeTask", s.CreateReplaceRootVolumeTask)
	op(s, w, "DescribeReplaceRootVolumeTasks", s.DescribeReplaceRootVolumeTasks)
	op(s, w, "DescribeVolumes", s.DescribeVolumes)
	op(s, w, "DeleteVolume", s.DeleteVolume)
}

func (s *Service) wireImages(w *wire.Service) {
	op(s, w, "CreateImage", s.CreateImage)
	op(s, w, "RegisterImage", s.RegisterImage)
	op(s, w, "DescribeImages", s.DescribeImages)
	op(s, w, "DescribeImageAttribute", s.DescribeImageAttribute)
	op(s, w, "ModifyImageAttribute", s.ModifyImageAttribute)
	op(s, w, "DeregisterImage", s.DeregisterImage)
	op(s, w, "CopyImage", s.CopyImage)
	op(s, w, "ResetImageAttribute", s.ResetImageAttribute)
	op(s, w, "EnableImage", s.EnableImage)
	op(s, w, "DisableImage", s.DisableImage)
	op(s, w, "EnableImageDeprecation", s.EnableImageDeprecation)
	op(s, w, "DisableImageDeprecation", s.DisableImageDeprecation)
	op(s, w, "EnableImageDeregistrationProtection", s.EnableImageDeregistrationProtection)
	op(s, w, "DisableImageDeregistrationProtection", s.DisableImageDeregistrationProtection)
	op(s, w, "GetImageAncestry", s.GetImageAncestry)
	op(s, w, "DescribeImageReferences", s.DescribeImageReferences)
}

func (s *Service) wireSnapshots(w *wire.Service) {
	op(s, w, "DescribeSnapshots", s.DescribeSnapshots)
	op(s, w, "DescribeSnapshotAttribute", s.DescribeSnapshotAttribute)
	op(s, w, "ModifySnapshotAttribute", s.ModifySnapshotAttribute)
	op(s, w, "ResetSnapshotAttribute", s.ResetSnapshotAttribute)
	op(s, w, "CopySnapshot", s.CopySnapshot)
	op(s, w, "DeleteSnapshot", s.DeleteSnapshot)
	op(s, w, "GetEbsEncryptionByDefault", s.GetEbsEncryptionByDefault)
	op(s, w, "EnableEbsEncryptionByDefault", s.EnableEbsEncryptionByDefault)
	op(s, w, "DisableEbsEncryptionByDefault", s.DisableEbsEncryptionByDefault)
	op(s, w, "GetEbsDefaultKmsKeyId", s.GetEbsDefaultKmsKeyID)
}

func (s *Service) wireTemplates(w *wire.Service) {
	op(s, w, "CreateLaunchTemplate", s.CreateLaunchTemplate)
	op(s, w, "CreateLaunchTemplateVersion", s.CreateLaunchTemplateVersion)
	op(s, w, "DescribeLaunchTemplates", s.DescribeLaunchTemplates)
	op(s, w, "DescribeLaunchTemplateVersions", s.DescribeLaunchTemplateVersions)
	op(s, w, "ModifyLaunchTemplate", s.ModifyLaunchTemplate)
	op(s, w, "DeleteLaunchTemplate", s.DeleteLaunchTemplate)
	op(s, w, "DeleteLaunchTemplateVersions", s.DeleteLaunchTemplateVersions)
}

func (s *Service) wireNetwork(w *wire.Service) {
	op(s, w, "DescribeRegions", s.DescribeRegions)
	op(s, w, "DescribeAvailabilityZones", s.DescribeAvailabilityZones)
	op(s, w, "DescribeVpcs", s.DescribeVpcs)
	op(s, w, "DescribeRouteTables", s.DescribeRouteTables)
	op(s, w, "DescribeSubnets", s.DescribeSubnets)
	op(s, w, "CreateSecurityGroup", s.CreateSecurityGroup)
	op(s, w, "AuthorizeSecurityGroupIngress", s.AuthorizeSecurityGroupIngress)
	op(s, w, "RevokeSecurityGroupIngress", s.RevokeSecurityGroupIngress)
	op(s, w, "DescribeSecurityGroups", s.DescribeSecurityGroups)
	op(s, w, "DeleteSecurityGroup", s.DeleteSecurityGroup)
}

// op adds an operation of an account that exists once it is used. With DryRun set,
// what would have succeeded fails with DryRunOperation and changes nothing.
func op[I, O any](s *Service, w *wire.Service, name string, f func(*world.Tx, *I) (*O, error)) {
	field, has := reflect.TypeFor[I]().FieldByName("DryRun")
	wire.Op(w, name, func(tx *world.Tx, in *I) (*O, error) {
		s.place(tx)
		out, err := f(tx, in)
		if err != nil {
			return nil, err
		}
		if dry, ok := reflect.ValueOf(in).Elem().FieldByIndex(field.Index).Interface().(*bool); has && ok && aws.ToBool(dry) {
			return nil, &wire.Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.", Status: 412}
		}
		return out, nil
	})
}
