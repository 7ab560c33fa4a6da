package servicequotas

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// quota is a limit of running vCPUs.
type quota struct {
	code, name string
	standard   float64 // AWS's default
	// class is the Class of the metric that counts what runs, as Service Quotas answers;
	// empty: what it answers is not known to us, and the twin names no metric.
	class string
}

// quotas are EC2's limits of vCPUs with their codes and defaults ("Amazon EC2 instance
// type quotas", Amazon EC2 Instance Types Guide: On-Demand and Spot Instance quotas).
func quotas() []quota {
	return []quota{
		{"L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5, "Standard/OnDemand"},
		{"L-6E869C2A", "Running On-Demand DL instances", 0, "DL/OnDemand"},
		{"L-74FC7D96", "Running On-Demand F instances", 0, "F/OnDemand"},
		{"L-DB2E81BA", "Running On-Demand G and VT instances", 0, "G/OnDemand"},
		{"L-F7808C92", "Running On-Demand HPC instances", 0, ""},
		{"L-43DA4232", "Running On-Demand High Memory instances", 0, "HighMem/OnDemand"},
		{"L-1945791B", "Running On-Demand Inf instances", 0, "Inf/OnDemand"},
		{"L-417A185B", "Running On-Demand P instances", 0, "P/OnDemand"},
		{"L-2C3B7624", "Running On-Demand Trn instances", 0, ""},
		{"L-7295265B", "Running On-Demand X instances", 0, "X/OnDemand"},
		{"L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5, "Standard/Spot"},
		{"L-85EED4F7", "All DL Spot Instance Requests", 0, "DL/Spot"},
		{"L-88CF9481", "All F Spot Instance Requests", 0, "F/Spot"},
		{"L-3819A6DF", "All G and VT Spot Instance Requests", 0, "G/Spot"},
		{"L-B5D1601B", "All Inf Spot Instance Requests", 0, "Inf/Spot"},
		{"L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", 0, "P/Spot"},
		{"L-C4BD4855", "All P5 Spot Instance Requests", 0, ""},
		{"L-6B0D517C", "All Trn Spot Instance Requests", 0, ""},
		{"L-E3A00192", "All X Spot Instance Requests", 0, "X/Spot"},
	}
}

// sdk is the quota as the API tells it; a default is no account's.
func (q quota) sdk(tx *world.Tx, account string, value float64) types.ServiceQuota {
	out := types.ServiceQuota{
		ServiceCode: aws.String("ec2"), ServiceName: aws.String("Amazon Elastic Compute Cloud (Amazon EC2)"),
		QuotaArn:  aws.String(fmt.Sprintf("arn:aws:servicequotas:%s:%s:ec2/%s", tx.Region, account, q.code)),
		QuotaCode: aws.String(q.code), QuotaName: aws.String(q.name), Value: aws.Float64(value), Unit: aws.String("None"),
		Adjustable: true,
	}
	if q.class != "" {
		out.UsageMetric = &types.MetricInfo{MetricNamespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount"), MetricStatisticRecommendation: aws.String("Maximum"),
			MetricDimensions: map[string]string{"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": q.class}}
	}
	if account != "" {
		out.QuotaAppliedAtLevel = types.AppliedLevelEnumAccount
	}
	return out
}
