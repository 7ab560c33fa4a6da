package s3

import "github.com/goldenami/rehydrate/internal/twin/world"

// EnsureBucket makes a bucket in the transaction's account and region unless there
// is one of that name: worlds begin with theirs.
func (s *Service) EnsureBucket(tx *world.Tx, name string) {
	if _, ok := buckets(tx).Get(name); !ok {
		buckets(tx).Put(name, bucket{Name: name, Account: tx.Account, Region: tx.Region, Created: tx.Now})
	}
}
