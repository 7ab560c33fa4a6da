// Package cloudwatch is the twin's CloudWatch as far as a roll watches it: metric
// alarms and their states, and what AWS/Usage says of EC2's vCPUs just now. Other metrics
// are not modelled: an alarm changes its state only when somebody calls SetAlarmState.
package cloudwatch
