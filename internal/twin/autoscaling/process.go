package autoscaling

import (
	"slices"

	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// processes are the scaling processes that can be suspended ("Suspend and resume
// processes", user guide). Only Launch, Terminate, HealthCheck, ReplaceUnhealthy and
// InstanceRefresh have anything to suspend here.
func processes() []string {
	return []string{"AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "Launch", "ReplaceUnhealthy", "ScheduledActions", "Terminate"}
}

func named(ps []string) ([]string, error) {
	if len(ps) == 0 {
		return processes(), nil
	}
	for _, p := range ps {
		if !slices.Contains(processes(), p) {
			return nil, invalid("Invalid process type: %s", p)
		}
	}
	return ps, nil
}

// SuspendProcesses suspends processes, all without names.
func (s *Service) SuspendProcesses(tx *world.Tx, in *asg.SuspendProcessesInput) (*asg.SuspendProcessesOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ps, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	g.Suspended = slices.Concat(g.Suspended, ps)
	slices.Sort(g.Suspended)
	g.Suspended = slices.Compact(g.Suspended)
	s.save(tx, g, "SuspendProcesses")
	return &asg.SuspendProcessesOutput{}, nil
}

// ResumeProcesses resumes processes, all without names.
func (s *Service) ResumeProcesses(tx *world.Tx, in *asg.ResumeProcessesInput) (*asg.ResumeProcessesOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ps, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	g.Suspended = slices.DeleteFunc(slices.Clone(g.Suspended), func(p string) bool { return slices.Contains(ps, p) })
	s.save(tx, g, "ResumeProcesses")
	return &asg.ResumeProcessesOutput{}, nil
}
