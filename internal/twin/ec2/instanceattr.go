package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ModifyInstanceAttribute handles the operation of that name for what an amazon-ebs
// build may set (ENA, SR-IOV) and for termination protection.
func (s *Service) ModifyInstanceAttribute(tx *world.Tx, in *ec2.ModifyInstanceAttributeInput) (*ec2.ModifyInstanceAttributeOutput, error) {
	rows, err := byIDs(tx, []string{aws.ToString(in.InstanceId)})
	if err != nil {
		return nil, err
	}
	i := rows[0]
	rest := *in
	rest.InstanceId, rest.DryRun, rest.DisableApiTermination, rest.EnaSupport, rest.SriovNetSupport = nil, nil, nil, nil, nil
	rest.InstanceInitiatedShutdownBehavior = nil
	if !isZero(rest) {
		return nil, unmodelled("ModifyInstanceAttribute", "other attributes than disableApiTermination, instanceInitiatedShutdownBehavior, enaSupport and sriovNetSupport, in structures")
	}
	// "You can specify only one attribute at a time", API Reference.
	named := 0
	for _, set := range []bool{in.DisableApiTermination != nil, in.InstanceInitiatedShutdownBehavior != nil, in.EnaSupport != nil, in.SriovNetSupport != nil} {
		if set {
			named++
		}
	}
	switch named {
	case 0:
		return nil, badCombination("No attributes specified.")
	case 1:
	default:
		return nil, badCombination("Fields for multiple attribute types specified")
	}
	if in.DisableApiTermination != nil {
		i.Protected = aws.ToBool(in.DisableApiTermination.Value)
	}
	if v := in.InstanceInitiatedShutdownBehavior; v != nil {
		if w := aws.ToString(v.Value); w != "stop" && w != "terminate" {
			return nil, badValue("Invalid value '%s' for instanceInitiatedShutdownBehavior", w)
		}
		i.Shutdown = *v.Value
	}
	if (in.EnaSupport != nil || in.SriovNetSupport != nil) && i.State != stateStopped {
		return nil, wrongState(i, "modified")
	}
	instances(tx).Put(i.ID, i)
	return &ec2.ModifyInstanceAttributeOutput{}, nil
}

// DescribeInstanceAttribute handles the operation of that name, in the values that
// DescribeInstances shows.
func (s *Service) DescribeInstanceAttribute(tx *world.Tx, in *ec2.DescribeInstanceAttributeInput) (*ec2.DescribeInstanceAttributeOutput, error) {
	rows, err := byIDs(tx, []string{aws.ToString(in.InstanceId)})
	if err != nil {
		return nil, err
	}
	i := rows[0]
	seen := s.sdkInstance(tx, i)
	flag := func(b *bool) *types.AttributeBooleanValue { return &types.AttributeBooleanValue{Value: b} }
	out := &ec2.DescribeInstanceAttributeOutput{InstanceId: &i.ID}
	switch in.Attribute {
	case types.InstanceAttributeNameUserData:
		out.UserData = &types.AttributeValue{Value: some(i.UserData)}
	case types.InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = flag(&i.Protected)
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = &types.AttributeValue{Value: &i.Shutdown}
	case types.InstanceAttributeNameInstanceType:
		out.InstanceType = &types.AttributeValue{Value: &i.Type}
	case types.InstanceAttributeNameRootDeviceName:
		out.RootDeviceName = &types.AttributeValue{Value: &i.RootDevice}
	case types.InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = seen.BlockDeviceMappings
	case types.InstanceAttributeNameGroupSet:
		out.Groups = seen.SecurityGroups
	case types.InstanceAttributeNameSourceDestCheck:
		out.SourceDestCheck = flag(seen.SourceDestCheck)
	case types.InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = flag(seen.EbsOptimized)
	case types.InstanceAttributeNameEnaSupport:
		out.EnaSupport = flag(seen.EnaSupport)
	case types.InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = flag(aws.Bool(false))
	case types.InstanceAttributeNameEnclaveOptions:
		out.EnclaveOptions = &types.EnclaveOptions{Enabled: aws.Bool(false)}
	case types.InstanceAttributeNameKernel, types.InstanceAttributeNameRamdisk, types.InstanceAttributeNameProductCodes,
		types.InstanceAttributeNameSriovNetSupport: // no instance here has any
	default:
		return nil, badValue("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}
