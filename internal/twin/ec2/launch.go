package ec2

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// LaunchSpec says what to launch. What Data, Image and Type leave empty comes from
// the template.
type LaunchSpec struct {
	Template string // id or name; empty: none
	Version  string // number, $Latest, $Default; empty is $Default
	Image    string // AMI id or resolve:ssm:name
	Type     string // such as t3.micro
	Data     types.RequestLaunchTemplateData
	Subnet   string // id; empty: by Zone
	Zone     string // empty: the first zone
	// Tags are put on the instance over those of template and Data.
	Tags map[string]string
	By   string // who launches: a caller or "autoscaling"
	// Eager starts the machine at once instead of at its first use; an instance with
	// a key pair is always eager, for somebody will log in.
	Eager bool
	// Settled makes an instance that has been running all along.
	Settled bool
	// ClientToken is shown by DescribeInstances.
	ClientToken string
}

// Launch makes one instance and returns its id. Errors are AWS's own.
func (s *Service) Launch(tx *world.Tx, spec LaunchSpec) (string, error) {
	r, err := s.launch(tx, spec, 1)
	if err != nil {
		return "", err
	}
	return r[0].ID, nil
}

// launch makes n instances of one reservation.
func (s *Service) launch(tx *world.Tx, spec LaunchSpec, n int) ([]Instance, error) {
	proto, disks, err := s.prepare(tx, spec)
	if err != nil {
		return nil, err
	}
	p := s.place(tx)
	_, zone, _ := p.zone(proto.Zone) // prepare has checked it
	proto.Reservation = tx.ID("r-")
	var out []Instance
	for k := range n {
		i := proto
		i.ID, i.Index, i.Interface = tx.ID("i-"), int32(k), tx.ID("eni-")
		if i.Address, err = s.address(tx, i.ID, i.Content, zone); err != nil {
			return nil, err
		}
		i.Volumes = s.attach(tx, i, disks, tagsFor(spec.Data, types.ResourceTypeVolume))
		whereabouts(tx).Put(i.ID, where{tx.Account, tx.Region})
		if spec.Settled && !i.Machine.Wanted && i.Denied.Code == "" {
			i.State = stateRunning
			s.changed(tx, i)
			out = append(out, i)
			continue
		}
		// Launch to running: 16 to 17 s measured, bimodal reports up to 80 s.
		s.enter(tx, &i, statePending, between(tx, 15*time.Second, 30*time.Second), i.Machine.Wanted)
		out = append(out, i)
	}
	if img, at, ok := image(tx, proto.Image); ok && !img.LastLaunched.Equal(tx.Now) {
		img.LastLaunched = tx.Now
		images(at).Put(img.ID, img)
	}
	return out, nil
}

// prepare resolves and checks a specification, as RunInstances does before it makes
// anything.
func (s *Service) prepare(tx *world.Tx, spec LaunchSpec) (Instance, []bootDisk, error) {
	none := Instance{}
	data := spec.Data
	i := Instance{By: spec.By, ClientToken: spec.ClientToken, Launched: tx.Now}
	if spec.Template != "" {
		v, err := s.TemplateVersion(tx, spec.Template, spec.Version)
		if err != nil {
			return none, nil, err
		}
		data = inherit(v.Data, data)
		i.Template, i.TemplateVersion = v.Template, v.Version
	}
	if spec.Image != "" {
		data.ImageId = &spec.Image
	}
	if spec.Type != "" {
		data.InstanceType = types.InstanceType(spec.Type)
	}
	img, err := s.launchImage(tx, aws.ToString(data.ImageId))
	if err != nil {
		return none, nil, err
	}
	i.Image, i.Architecture, i.Content, i.User = img.ID, img.Architecture, img.Content, img.User
	i.RootDevice, i.Platform = img.RootDevice, img.Platform
	if i.Type, err = checkType(string(data.InstanceType), img); err != nil {
		return none, nil, err
	}
	if err := s.placeInstance(tx, &i, spec, data); err != nil {
		return none, nil, err
	}
	if err := configure(tx, &i, data, img); err != nil {
		return none, nil, err
	}
	if err := capacity(tx, i); err != nil {
		return none, nil, err
	}
	i.Machine.Wanted = spec.Eager || i.Key != ""
	i.Tags = mergeTags(tagsFor(data, types.ResourceTypeInstance), spec.Tags)
	if i.Template != "" {
		// System tags that EC2 adds itself ("Launch template", EC2 User Guide).
		i.Tags = mergeTags(i.Tags, map[string]string{
			"aws:ec2launchtemplate:id": i.Template, "aws:ec2launchtemplate:version": strconv.FormatInt(i.TemplateVersion, 10),
		})
	}
	disks, err := bootDisks(img, data.BlockDeviceMappings)
	if err != nil {
		return none, nil, err
	}
	if i.Denied = s.encryptDisks(tx, img, disks, spec.By); i.Denied.Code != "" {
		i.Machine.Wanted = false // there will never be a volume to start it from
	}
	return i, disks, nil
}
