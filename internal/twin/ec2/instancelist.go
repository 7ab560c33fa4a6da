package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeInstances handles the operation of that name. MaxResults counts
// instances, not reservations, and cannot go with ids.
func (s *Service) DescribeInstances(tx *world.Tx, in *ec2.DescribeInstancesInput) (*ec2.DescribeInstancesOutput, error) {
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if err := known(in.Filters, instanceFields(tx, Instance{}), map[string]string{}); err != nil {
		return nil, err
	}
	rows, err := s.look(tx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	all := rows
	if len(in.Filters) > 0 {
		all = nil
		for _, i := range rows {
			ok, err := match(in.Filters, instanceFields(tx, i), orNone(i.Tags))
			if err != nil {
				return nil, err
			}
			if ok {
				all = append(all, i)
			}
		}
	}
	some, next, err := page(all, in.MaxResults, in.NextToken, 5, 1000)
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeInstancesOutput{NextToken: next}
	if len(some) > 0 {
		out.Reservations = make([]types.Reservation, 0, len(some))
	}
	at := make(map[string]int, len(some))
	for _, i := range some {
		k, ok := at[i.Reservation]
		if !ok {
			k = len(out.Reservations)
			at[i.Reservation] = k
			out.Reservations = append(out.Reservations, types.Reservation{ReservationId: aws.String(i.Reservation), OwnerId: &tx.Account})
		}
		out.Reservations[k].Instances = append(out.Reservations[k].Instances, s.sdkInstance(tx, i))
	}
	return out, nil
}

// look reads instances as a caller sees them: a look may make a pending one ready.
func (s *Service) look(tx *world.Tx, ids []string) ([]Instance, error) {
	var rows []Instance
	if len(ids) > 0 {
		var err error
		if rows, err = byIDs(tx, ids); err != nil {
			return nil, err
		}
		for _, i := range rows {
			if s.linger(tx, i.ID, i.Pending) {
				return nil, soon(i.ID)
			}
		}
	} else {
		all := instances(tx)
		rows = make([]Instance, 0, all.Len())
		for _, i := range all.Each() {
			rows = append(rows, *i)
		}
	}
	for k, i := range rows {
		rows[k] = s.looked(tx, i)
	}
	return rows, nil
}

// instanceFields are the modelled filters of DescribeInstances.
func instanceFields(tx *world.Tx, i Instance) fields {
	f := fields{
		"instance-id": {i.ID}, "image-id": {i.Image}, "instance-type": {i.Type}, "instance-state-name": {i.State},
		"instance-state-code": {itoa(stateCode(i.State))}, "architecture": {i.Architecture}, "reservation-id": {i.Reservation},
		"owner-id": {tx.Account}, "availability-zone": {i.Zone}, "subnet-id": one(i.Subnet), "vpc-id": one(i.VPC), "key-name": one(i.Key),
		"private-ip-address": one(i.Address), "ip-address": one(i.Address), "dns-name": one(i.Address), "private-dns-name": one(i.Address),
		"client-token": one(i.ClientToken), "instance.group-id": i.Groups, "group-id": i.Groups, "root-device-name": {i.RootDevice},
		"root-device-type": {"ebs"}, "virtualization-type": {"hvm"}, "iam-instance-profile.arn": one(i.Profile),
		"launch-time": {stamp(i.Launched)}, "metadata-options.http-tokens": {i.Metadata.Tokens}, "platform": one(i.Platform),
		"block-device-mapping.volume-id": i.Volumes, "instance-lifecycle": nil,
	}
	return f
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// DescribeInstanceStatus handles the operation of that name: running instances
// unless all are asked for. A machine that could not be started fails its check.
func (s *Service) DescribeInstanceStatus(tx *world.Tx, in *ec2.DescribeInstanceStatusInput) (*ec2.DescribeInstanceStatusOutput, error) {
	if err := known(in.Filters, statusFields(Instance{}, ""), nil); err != nil {
		return nil, err
	}
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter instancesSet cannot be used with the parameter maxResults")
	}
	rows, err := s.look(tx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	var all []types.InstanceStatus
	for _, i := range rows {
		if i.State != stateRunning && !aws.ToBool(in.IncludeAllInstances) {
			continue
		}
		status := types.SummaryStatusOk
		switch {
		case i.State != stateRunning:
			status = types.SummaryStatusNotApplicable
		case i.Machine.Error != "":
			status = types.SummaryStatusImpaired
		}
		ok, err := match(in.Filters, statusFields(i, status), nil)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, types.InstanceStatus{
				InstanceId: aws.String(i.ID), AvailabilityZone: aws.String(i.Zone), InstanceState: sdkState(i.State),
				InstanceStatus: &types.InstanceStatusSummary{Status: status}, SystemStatus: &types.InstanceStatusSummary{Status: status},
			})
		}
	}
	out, next, err := page(all, in.MaxResults, in.NextToken, 5, 1000)
	return &ec2.DescribeInstanceStatusOutput{InstanceStatuses: out, NextToken: next}, err
}

func statusFields(i Instance, status types.SummaryStatus) fields {
	return fields{
		"instance-state-name": {i.State}, "instance-state-code": {itoa(stateCode(i.State))}, "availability-zone": {i.Zone},
		"instance-status.status": {string(status)}, "system-status.status": {string(status)},
	}
}
