package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// tagged is a resource that has tags, with how to give it others.
type tagged struct {
	kind types.ResourceType
	tags map[string]string
	put  func(map[string]string)
}

// resource finds what the account may tag by its id.
func resource(tx *world.Tx, id string) (tagged, error) {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "ami":
		i, err := ownImage(tx, id)
		return tagged{types.ResourceTypeImage, i.Tags, func(t map[string]string) { i.Tags = t; putImage(tx, i) }}, err
	case "snap":
		n, err := ownSnapshot(tx, id)
		return tagged{types.ResourceTypeSnapshot, n.Tags, func(t map[string]string) { n.Tags = t; putSnapshot(tx, n) }}, err
	case "i":
		rows, err := byIDs(tx, []string{id})
		if err != nil {
			return tagged{}, err
		}
		i := rows[0]
		return tagged{types.ResourceTypeInstance, i.Tags, func(t map[string]string) { i.Tags = t; instances(tx).Put(id, i) }}, nil
	case "vpc":
		if t, ok := networkTags(tx, id); ok {
			return t, nil
		}
		return tagged{}, missing("InvalidVpcID.NotFound", "vpc ID", id)
	case "subnet":
		if t, ok := networkTags(tx, id); ok {
			return t, nil
		}
		return tagged{}, missing("InvalidSubnetID.NotFound", "subnet ID", id)
	case "replacevol":
		if t, ok := rootTasks(tx).Get(id); ok {
			return tagged{types.ResourceTypeReplaceRootVolumeTask, t.Tags, func(tags map[string]string) { t.Tags = tags; rootTasks(tx).Put(id, t) }}, nil
		}
		return tagged{}, noTask(id)
	case "vol":
		if v, ok := volumes(tx).Get(id); ok {
			return tagged{types.ResourceTypeVolume, v.Tags, func(t map[string]string) { v.Tags = t; volumes(tx).Put(id, v) }}, nil
		}
		return tagged{}, noVolume(id)
	case "lt":
		if l, ok := templates(tx).Get(id); ok {
			return tagged{types.ResourceTypeLaunchTemplate, l.Tags, func(t map[string]string) { l.Tags = t; templates(tx).Put(id, l) }}, nil
		}
		return tagged{}, noTemplateID(id)
	case "sg":
		if g, ok := groups(tx).Get(id); ok {
			return tagged{types.ResourceTypeSecurityGroup, g.Tags, func(t map[string]string) { g.Tags = t; groups(tx).Put(id, g) }}, nil
		}
		return tagged{}, noGroup(id)
	case "key":
		if k, ok := keyPairs(tx).Get(id); ok {
			return tagged{types.ResourceTypeKeyPair, k.Tags, func(t map[string]string) { k.Tags = t; keyPairs(tx).Put(id, k) }}, nil
		}
		return tagged{}, noKeyPair(id)
	}
	return tagged{}, missing("InvalidID", "ID", id)
}

// SetTags puts tags on a resource of any kind, aws: ones too; it is for services.
func (s *Service) SetTags(tx *world.Tx, id string, tags map[string]string) error {
	r, err := resource(tx, id)
	if err != nil {
		return err
	}
	r.put(mergeTags(r.tags, tags))
	return nil
}
