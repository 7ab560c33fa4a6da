package s3

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// asked are the options of a new object that change what S3 does with it.
type asked struct {
	acl        types.ObjectCannedACL
	grants     []*string
	class      types.StorageClass
	encryption types.ServerSideEncryption
	customer   *string // algorithm of the customer's own key
	locked     bool
	others     map[string]bool // by what they ask for
}

// check refuses what S3 does of a bucket as it is made, without access control lists
// ("Controlling ownership of objects", S3 User Guide) and without Object Lock, and by name
// what the twin does not model. Everything is encrypted with SSE-S3 ("Default encryption").
func (a asked) check() error {
	for _, what := range slices.Sorted(maps.Keys(a.others)) {
		if a.others[what] {
			return unmodelled(what)
		}
	}
	switch {
	case a.acl != "" && a.acl != types.ObjectCannedACLBucketOwnerFullControl || given(a.grants...):
		return &wire.Error{Code: "AccessControlListNotSupported", Message: "The bucket does not allow ACLs", Status: 400}
	case a.locked:
		return &wire.Error{Code: "InvalidRequest", Message: "Bucket is missing Object Lock Configuration", Status: 400}
	case a.customer != nil:
		return unmodelled("keys of the customer's own")
	case a.encryption != "" && a.encryption != types.ServerSideEncryptionAes256:
		return unmodelled("encryption with " + string(a.encryption))
	case a.class != "" && a.class != types.StorageClassStandard:
		return unmodelled("the storage class " + string(a.class))
	}
	return nil
}

func given(options ...*string) bool {
	return slices.ContainsFunc(options, func(o *string) bool { return o != nil })
}
