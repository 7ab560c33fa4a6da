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
		return nil, unmodelled("ModifyInstanceAttribute", "other attributes than disableApiTermination, instanceInitiatedShutdownBehavior, enaSupport and sriovNetSupport")
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

// DescribeInstanceAttribute handles the operation of that name for user data,
// termination protection and shutdown behaviour.
func (s *Service) DescribeInstanceAttribute(tx *world.Tx, in *ec2.DescribeInstanceAttributeInput) (*ec2.DescribeInstanceAttributeOutput, error) {
	rows, err := byIDs(tx, []string{aws.ToString(in.InstanceId)})
	if err != nil {
		return nil, err
	}
	i := rows[0]
	out := &ec2.DescribeInstanceAttributeOutput{InstanceId: &i.ID}
	switch in.Attribute {
	case types.InstanceAttributeNameUserData:
		out.UserData = &types.AttributeValue{Value: some(i.UserData)}
	case types.InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = &types.AttributeBooleanValue{Value: &i.Protected}
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = &types.AttributeValue{Value: &i.Shutdown}
	default:
		return nil, unmodelled("DescribeInstanceAttribute", "attribute "+string(in.Attribute))
	}
	return out, nil
}
