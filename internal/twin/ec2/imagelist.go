package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeImages handles the operation of that name: what the account owns, what is
// shared with it and what is public.
func (s *Service) DescribeImages(tx *world.Tx, in *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
	if err := known("DescribeImages", in.Filters, imageFields(Image{}, tx.Region), map[string]string{}); err != nil {
		return nil, err
	}
	if err := checkAccounts(in.Owners, "self", "amazon", "aws-backup-vault", "aws-marketplace"); err != nil {
		return nil, err
	}
	if err := checkAccounts(in.ExecutableUsers, "self", "all"); err != nil {
		return nil, err
	}
	if len(in.ImageIds) > 0 && in.MaxResults != nil {
		return nil, badCombination("The parameter imageIds cannot be used with the parameter maxResults")
	}
	rows, err := s.lookImages(tx, in.ImageIds)
	if err != nil {
		return nil, err
	}
	var all []types.Image
	for _, i := range rows {
		if !ownedBy(tx, i, in.Owners) || !executableBy(tx, i, in.ExecutableUsers) {
			continue
		}
		// "A disabled AMI does not appear in DescribeImages API calls by default": we take
		// that to hold when it is asked for by its id too.
		if i.State == imageDisabled && !aws.ToBool(in.IncludeDisabled) {
			continue
		}
		// "IncludeDeprecated": owners see their own in any case.
		if len(in.ImageIds) == 0 && i.Owner != tx.Account && !aws.ToBool(in.IncludeDeprecated) && !i.Deprecation.IsZero() && !tx.Now.Before(i.Deprecation) {
			continue
		}
		if match(in.Filters, imageFields(i, tx.Region), orNone(tagsSeen(tx, i.Owner, i.Tags))) {
			all = append(all, sdkImage(tx, i))
		}
	}
	out, next, err := page(tx, in, all, func(i types.Image) string { return *i.ImageId }, 1, 1000)
	return &ec2.DescribeImagesOutput{Images: out, NextToken: next}, err
}

// lookImages reads images as a caller sees them. One that has been deregistered is
// left out while an instance still refers to it, and unknown afterwards
// ("DescribeImages", API Reference).
func (s *Service) lookImages(tx *world.Tx, ids []string) ([]Image, error) {
	var rows []Image
	if len(ids) == 0 {
		for id, o := range owners(tx).All() {
			i, ok := images(tx.In(o.Account, tx.Region)).Get(id)
			if ok && !o.Gone && i.visible(tx) {
				rows = append(rows, s.lookedImage(tx, i))
			}
		}
		return rows, nil
	}
	var unknown []string
	for _, id := range distinct(ids) {
		if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
			return nil, err
		}
		i, _, ok := image(tx, id)
		switch {
		case ok && i.visible(tx) && s.linger(tx, id, i.Pending):
			return nil, soon(id)
		case ok && i.visible(tx):
			rows = append(rows, s.lookedImage(tx, i))
		case ok || !referred(tx, id):
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, noImage(unknown...)
	}
	return rows, nil
}

func referred(tx *world.Tx, image string) bool {
	for _, i := range instances(tx).All() {
		if i.Image == image && i.State != stateTerminated {
			return true
		}
	}
	return false
}
