package ssm

import (
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ImageParameters are the ARNs of the parameters of the transaction's account and
// region that hold an image: of data type aws:ec2:image, by the value of their latest
// version ("How AMI reference checks work", EC2 User Guide).
func (s *Service) ImageParameters(tx *world.Tx, image string) []string {
	var arns []string
	for _, p := range visible(tx) {
		if v := p.latest(); v.DataType == dataImage && v.Value == image {
			arns = append(arns, *arn(tx, p.Name))
		}
	}
	return arns
}
