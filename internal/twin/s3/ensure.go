package s3

import "github.com/goldenami/rehydrate/internal/twin/world"

// EnsureBucket makes a bucket in the transaction's account and region unless there
// is one of that name: worlds begin with theirs.
func (s *Service) EnsureBucket(tx *world.Tx, name string) {
	if _, ok := buckets(tx).Get(name); !ok {
		buckets(tx).Put(name, bucket{Name: name, Account: tx.Account, Region: tx.Region, Created: tx.Now})
	}
}

// MakeBucket is EnsureBucket for the loader of world files, with a policy, "" for none.
func (s *Service) MakeBucket(tx *world.Tx, name, policy string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if policy != "" {
		if _, err := parsePolicy(name, policy); err != nil {
			return err
		}
	}
	if _, ok := buckets(tx).Get(name); ok {
		return nil
	}
	buckets(tx).Put(name, bucket{Name: name, Account: tx.Account, Region: tx.Region, Created: tx.Now, Policy: policy})
	return nil
}
