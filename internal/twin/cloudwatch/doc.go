// Package cloudwatch is the twin's CloudWatch as far as a roll watches it: metric
// alarms and their states. Metrics are not modelled: an alarm changes its state only
// when somebody calls SetAlarmState.
package cloudwatch
