// Package servicequotas is the twin's Service Quotas as far as EC2's limits of running
// vCPUs go. The twin tells the limits; it does not hold launches to them.
package servicequotas

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/goldenami/rehydrate/internal/twin/cursor"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// New is the service with its operations.
func New() *wire.Service {
	o := wire.NewService("servicequotas")
	wire.Op(o, "GetServiceQuota", getServiceQuota)
	wire.Op(o, "GetAWSDefaultServiceQuota", getAWSDefaultServiceQuota)
	wire.Op(o, "ListServiceQuotas", listServiceQuotas)
	wire.Op(o, "ListAWSDefaultServiceQuotas", listAWSDefaultServiceQuotas)
	return o
}

// applied are the values that an account's Region has instead of the defaults, by
// quota code.
func applied(tx *world.Tx) *world.Rows[float64] {
	return world.Table[float64](tx, "servicequotas/applied")
}

// Set gives the account's Region a value of its own, in vCPUs.
func Set(tx *world.Tx, code string, value float64) error {
	if err := Check(code, value); err != nil {
		return err
	}
	applied(tx).Put(code, value)
	return nil
}

// Check refuses codes that the twin does not know, and values that are none.
func Check(code string, value float64) error {
	if _, ok := find(code); !ok {
		return fmt.Errorf("the twin knows no quota %q", code)
	}
	if value < 0 {
		return fmt.Errorf("quota %s is %v", code, value)
	}
	return nil
}

func noSuch(what string) error { return wire.Errorf("NoSuchResourceException", "%s", what) }

// ec2Only refuses services that the twin has no quotas of.
func ec2Only(service string) error {
	if service != "ec2" {
		return noSuch("The request failed because the specified service does not exist.")
	}
	return nil
}

// notThere is what a quota without a value is answered with. A quota that nobody has
// changed may have no applied value ("ListServiceQuotas", API reference): the default
// is all there is to ask for.
const notThere = "The request failed because the specified service quota does not exist."

func getServiceQuota(tx *world.Tx, in *servicequotas.GetServiceQuotaInput) (*servicequotas.GetServiceQuotaOutput, error) {
	if err := ec2Only(*in.ServiceCode); err != nil {
		return nil, err
	}
	q, ok := find(*in.QuotaCode)
	value, set := applied(tx).Get(*in.QuotaCode)
	if !ok || !set || in.ContextId != nil {
		return nil, noSuch(notThere)
	}
	out := q.sdk(tx, tx.Account, value)
	return &servicequotas.GetServiceQuotaOutput{Quota: &out}, nil
}

func getAWSDefaultServiceQuota(tx *world.Tx, in *servicequotas.GetAWSDefaultServiceQuotaInput) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	if err := ec2Only(*in.ServiceCode); err != nil {
		return nil, err
	}
	q, ok := find(*in.QuotaCode)
	if !ok {
		return nil, noSuch(notThere)
	}
	out := q.sdk(tx, "", q.standard)
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: &out}, nil
}

func listServiceQuotas(tx *world.Tx, in *servicequotas.ListServiceQuotasInput) (*servicequotas.ListServiceQuotasOutput, error) {
	if err := ec2Only(*in.ServiceCode); err != nil {
		return nil, err
	}
	all := []types.ServiceQuota{}
	for _, q := range quotas() {
		value, set := applied(tx).Get(q.code)
		if !set || in.QuotaCode != nil && *in.QuotaCode != q.code || in.QuotaAppliedAtLevel == types.AppliedLevelEnumResource {
			continue
		}
		all = append(all, q.sdk(tx, tx.Account, value))
	}
	some, next, err := page(all, in.MaxResults, in.NextToken)
	return &servicequotas.ListServiceQuotasOutput{Quotas: some, NextToken: next}, err
}

func listAWSDefaultServiceQuotas(tx *world.Tx, in *servicequotas.ListAWSDefaultServiceQuotasInput) (*servicequotas.ListAWSDefaultServiceQuotasOutput, error) {
	if err := ec2Only(*in.ServiceCode); err != nil {
		return nil, err
	}
	all := []types.ServiceQuota{}
	for _, q := range quotas() {
		all = append(all, q.sdk(tx, "", q.standard))
	}
	some, next, err := page(all, in.MaxResults, in.NextToken)
	return &servicequotas.ListAWSDefaultServiceQuotasOutput{Quotas: some, NextToken: next}, err
}

// page cuts a list as MaxResults (100, or what was asked) and NextToken want it.
func page(all []types.ServiceQuota, most *int32, token *string) ([]types.ServiceQuota, *string, error) {
	size := 100
	if most != nil {
		size = int(*most)
	}
	some, next, ok := cursor.Cut(all, token, size)
	if !ok {
		return nil, nil, wire.Errorf("InvalidPaginationTokenException", "Invalid NextToken.")
	}
	return some, next, nil
}

func find(code string) (quota, bool) {
	all := quotas()
	at := slices.IndexFunc(all, func(q quota) bool { return q.code == code })
	if at < 0 {
		return quota{}, false
	}
	return all[at], true
}
