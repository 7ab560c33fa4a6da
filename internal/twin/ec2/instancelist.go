package ec2

import (
	"slices"

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
	filters := instanceFilters(tx)
	if err := known("DescribeInstances", in.Filters, filters.names(), map[string]string{}); err != nil {
		return nil, err
	}
	rows, err := s.look(tx, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	all := rows
	if len(in.Filters) > 0 {
		all = slices.DeleteFunc(rows, func(i Instance) bool { return !match(in.Filters, filters.fields(i, in.Filters), orNone(i.Tags)) })
	}
	some, next, err := page(tx, in, all, func(i Instance) string { return i.ID }, 5, 1000)
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

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// DescribeInstanceStatus handles the operation of that name: running instances
// unless all are asked for. A machine that could not be started fails its check.
func (s *Service) DescribeInstanceStatus(tx *world.Tx, in *ec2.DescribeInstanceStatusInput) (*ec2.DescribeInstanceStatusOutput, error) {
	if err := known("DescribeInstanceStatus", in.Filters, statusFields(tx, Instance{}, ""), nil); err != nil {
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
		if match(in.Filters, statusFields(tx, i, status), nil) {
			all = append(all, types.InstanceStatus{
				InstanceId: aws.String(i.ID), AvailabilityZone: aws.String(i.Zone), InstanceState: sdkState(i.State),
				InstanceStatus: &types.InstanceStatusSummary{Status: status}, SystemStatus: &types.InstanceStatusSummary{Status: status},
			})
		}
	}
	out, next, err := page(tx, in, all, func(i types.InstanceStatus) string { return *i.InstanceId }, 5, 1000)
	return &ec2.DescribeInstanceStatusOutput{InstanceStatuses: out, NextToken: next}, err
}

func statusFields(tx *world.Tx, i Instance, status types.SummaryStatus) fields {
	reached := map[types.SummaryStatus]string{types.SummaryStatusOk: "passed", types.SummaryStatusImpaired: "failed"}[status]
	return fields{
		"instance-state-name": {i.State}, "instance-state-code": {itoa(stateCode(i.State))}, "availability-zone": {i.Zone},
		"instance-status.status": {string(status)}, "system-status.status": {string(status)}, "attached-ebs-status.status": {string(status)},
		"instance-status.reachability": one(reached), "system-status.reachability": one(reached), "availability-zone-id": {zoneID(tx, i.Zone)},
		"operator.managed": {"false"},
	}
}
