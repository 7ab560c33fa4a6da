package autoscaling

// Quotas ("Quotas for Auto Scaling resources and groups", user guide); those of a
// Region can be raised there, not here.
const (
	maxGroups         = 500
	maxConfigurations = 200
	maxHooks          = 50  // of a group
	maxPolicies       = 50  // of a group
	maxScheduled      = 125 // of a group
	maxTargetGroups   = 50  // of a group
)
