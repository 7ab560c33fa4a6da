// Package keys is KMS: what keys are, and who may use them.
package keys

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/spread"
)

// API is what the adapter calls.
type API interface {
	kms.ListGrantsAPIClient
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
	GetKeyPolicy(context.Context, *kms.GetKeyPolicyInput, ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
	CreateGrant(context.Context, *kms.CreateGrantInput, ...func(*kms.Options)) (*kms.CreateGrantOutput, error)
}

var (
	_ API         = (*kms.Client)(nil)
	_ spread.Keys = Keys{}
)

// Keys is KMS of one account's Region.
type Keys struct{ API API }

// New is the adapter over a session.
func New(s *session.Session) Keys { return Keys{kms.NewFromConfig(s.Config())} }

// Key implements spread.Keys.
func (k Keys) Key(ctx context.Context, name string) (spread.Key, error) {
	out, err := k.API.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &name})
	if awscloud.Code(err) == "NotFoundException" {
		return spread.Key{}, fault.As(awscloud.Wrap(err, "describe key %s", name), fault.NotFound, "check alias, account and Region")
	}
	if err != nil {
		return spread.Key{}, awscloud.Wrap(err, "describe key %s", name)
	}
	m := out.KeyMetadata
	return spread.Key{ARN: aws.ToString(m.Arn), Account: aws.ToString(m.AWSAccountId), State: string(m.KeyState),
		Symmetric: m.KeySpec == types.KeySpecSymmetricDefault && m.KeyUsage == types.KeyUsageTypeEncryptDecrypt,
		Managed:   m.KeyManager == types.KeyManagerTypeAws}, nil
}

// Policy implements spread.Keys.
func (k Keys) Policy(ctx context.Context, arn string) (string, error) {
	out, err := k.API.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &arn})
	if err != nil {
		return "", awscloud.Wrap(err, "read the policy of key %s", arn)
	}
	return aws.ToString(out.Policy), nil
}

// Grants implements spread.Keys.
func (k Keys) Grants(ctx context.Context, arn, grantee string) ([]spread.Grant, error) {
	var all []spread.Grant
	pages := kms.NewListGrantsPaginator(k.API, &kms.ListGrantsInput{KeyId: &arn, GranteePrincipal: &grantee})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awscloud.Wrap(err, "list the grants of key %s", arn)
		}
		for _, g := range page.Grants {
			x := spread.Grant{Name: aws.ToString(g.Name), Grantee: aws.ToString(g.GranteePrincipal),
				Bound: g.Constraints != nil && len(g.Constraints.EncryptionContextEquals)+len(g.Constraints.EncryptionContextSubset) > 0}
			for _, op := range g.Operations {
				x.Operations = append(x.Operations, string(op))
			}
			all = append(all, x)
		}
	}
	return all, nil
}

// Grant implements spread.Keys.
func (k Keys) Grant(ctx context.Context, arn string, g spread.Grant) error {
	in := &kms.CreateGrantInput{KeyId: &arn, Name: &g.Name, GranteePrincipal: &g.Grantee}
	for _, op := range g.Operations {
		in.Operations = append(in.Operations, types.GrantOperation(op))
	}
	_, err := k.API.CreateGrant(ctx, in)
	if awscloud.Code(err) == "InvalidArnException" {
		return fault.As(awscloud.Wrap(err, "grant the use of key %s", arn), fault.NotFound,
			"KMS knows no such role; the role of Auto Scaling comes with an account's first group, or by: aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com")
	}
	return awscloud.Wrap(err, "grant the use of key %s", arn)
}
