package s3

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// may says whether the caller may do an action with the object of a key or, without one,
// with the bucket. There is no IAM here: its own account may do everything that the
// bucket's policy does not deny, and so may, in another, whoever the policy allows it. The
// action "" is decided for each object.
func (h shelf) may(action string, key *string) bool {
	ok := h.tx.Account == h.b.Account
	if action == "" {
		return true
	}
	if h.b.Policy == "" {
		return ok
	}
	list, err := parsePolicy(h.b.Name, h.b.Policy)
	if err != nil {
		return false
	}
	action, resource := "s3:"+action, "arn:aws:s3:::"+h.b.Name
	if key != nil {
		resource += "/" + *key
	}
	who := principalsOf(h.tx)
	for _, st := range list {
		named, err := st.principals()
		if err != nil ||
			!slices.ContainsFunc(named, func(p string) bool { return slices.Contains(who, bare(p)) }) ||
			!slices.ContainsFunc(st.Action, func(a string) bool { return matches(strings.ToLower(a), strings.ToLower(action)) }) ||
			!slices.ContainsFunc(st.Resource, func(r string) bool { return matches(r, resource) }) {
			continue
		}
		if st.Effect == "Deny" {
			return false
		}
		ok = true
	}
	return ok
}

// ofVersion is the action on a version, which is another than that on the object.
func ofVersion(action string, version *string) string {
	if aws.ToString(version) == "" {
		return action
	}
	return action + "Version"
}

// principalsOf are the names by which a policy can mean the caller: everyone, the account,
// the caller's own, and of a session its role ("AWS JSON policy elements: Principal", IAM
// User Guide).
func principalsOf(tx *world.Tx) []string {
	all := []string{"*", tx.Account, "arn:aws:iam::" + tx.Account + ":root"}
	if tx.Caller == "" {
		return append(all, "arn:aws:iam::"+tx.Account+":user/twin")
	}
	if _, session, ok := strings.Cut(tx.Caller, ":assumed-role/"); ok {
		role, _, _ := strings.Cut(session, "/")
		all = append(all, "arn:aws:iam::"+tx.Account+":role/"+role)
	}
	return append(all, tx.Caller)
}

// bare is a principal without its path, which sessions do not show; the names of roles and
// users are their account's own without it.
func bare(principal string) string {
	head, path, ok := strings.Cut(principal, "/")
	if !ok || strings.Contains(head, ":assumed-role") {
		return principal
	}
	return head + "/" + path[strings.LastIndex(path, "/")+1:]
}

// own opens a bucket to see to its policy, which nobody but its account does and which no
// policy keeps it from ("Permissions", PutBucketPolicy).
func (s *Service) own(tx *world.Tx, name, owner *string) (bucket, error) {
	h, err := s.shelf(tx, name, owner, "", nil)
	if err == nil && tx.Account != h.b.Account {
		err = &wire.Error{Code: "MethodNotAllowed", Message: "The specified method is not allowed against this resource.", Status: 405}
	}
	return h.b, err
}

// PutBucketPolicy gives a bucket a policy in place of the one that it has.
func (s *Service) PutBucketPolicy(tx *world.Tx, in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
	b, err := s.own(tx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	b.Policy = aws.ToString(in.Policy)
	if _, err := parsePolicy(b.Name, b.Policy); err != nil {
		return nil, err
	}
	buckets(tx).Put(b.Name, b)
	return &s3.PutBucketPolicyOutput{}, nil
}

// GetBucketPolicy gives a bucket's policy as it was put.
func (s *Service) GetBucketPolicy(tx *world.Tx, in *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
	b, err := s.own(tx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.Policy == "" {
		return nil, &wire.Error{Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist", Status: 404}
	}
	return &s3.GetBucketPolicyOutput{Policy: &b.Policy}, nil
}

// DeleteBucketPolicy takes a bucket's policy away; that there is none is no error.
func (s *Service) DeleteBucketPolicy(tx *world.Tx, in *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
	b, err := s.own(tx, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	b.Policy = ""
	buckets(tx).Put(b.Name, b)
	return &s3.DeleteBucketPolicyOutput{}, nil
}
