package ec2

import (
	"strings"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// launchImage finds the image to launch, through a parameter if it says so ("Use a
// Systems Manager parameter to find an AMI", EC2 User Guide).
func (s *Service) launchImage(tx *world.Tx, id string) (Image, error) {
	if id == "" {
		return Image{}, missingParameter("ImageId")
	}
	id, err := s.resolve(tx, id)
	if err != nil {
		return Image{}, err
	}
	return s.ImageByID(tx, id)
}

// resolve is the image id that a template or a request means at this moment: itself,
// or what the parameter holds, by name, name:version or name:label.
func (s *Service) resolve(tx *world.Tx, id string) (string, error) {
	name, ok := strings.CutPrefix(id, "resolve:ssm:")
	if !ok {
		return id, nil
	}
	if s.ResolveParameter == nil {
		return "", unmodelled("RunInstances", "image ids that are parameters")
	}
	return s.ResolveParameter(tx, name)
}

// ImageByID is an image that the transaction's account may launch now; else AWS's
// error: NotFound also for images of others that are not shared with it.
func (s *Service) ImageByID(tx *world.Tx, id string) (Image, error) {
	if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
		return Image{}, err
	}
	img, _, ok := image(tx, id)
	if !ok || !img.visible(tx) {
		return Image{}, noImage(id)
	}
	if img.State != imageAvailable {
		return Image{}, wire.Errorf("InvalidAMIID.Unavailable", "The image ID '%s' is no longer available", id)
	}
	return img, nil
}
