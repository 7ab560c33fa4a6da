// Package elbv2 is the twin's Elastic Load Balancing as far as a roll watches it:
// target groups of instances and the health of their targets in virtual time. Load
// balancers and listeners are not modelled; a target group counts as used by one, so
// that its targets are checked from their registration on.
//
// A target is initial until its instance has passed HealthyThresholdCount checks,
// HealthCheckIntervalSeconds apart; after that an instance that begins to fail is
// unhealthy after UnhealthyThresholdCount checks, and healthy again as above. One
// that is deregistered is draining for the deregistration delay. What makes an
// instance fail is FaultTag on it or on its image; the twin looks at tags when a
// target registers and when somebody looks at its health.
package elbv2
