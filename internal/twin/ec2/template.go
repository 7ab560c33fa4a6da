package ec2

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Template finds a launch template of the account by id or name.
func (s *Service) Template(tx *world.Tx, idOrName string) (LaunchTemplate, error) {
	if t, ok := templates(tx).Get(idOrName); ok {
		return t, nil
	}
	for _, t := range templates(tx).All() {
		if t.Name == idOrName {
			return t, nil
		}
	}
	if checkID(idOrName, "lt-", "") == nil {
		return LaunchTemplate{}, noTemplateID(idOrName)
	}
	return LaunchTemplate{}, wire.Errorf("InvalidLaunchTemplateName.NotFoundException",
		"The specified launch template, with template name %s, does not exist.", idOrName)
}

func noTemplateID(id string) error {
	return wire.Errorf("InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.", id)
}

// TemplateVersion finds one version by number, $Latest or $Default; empty is
// $Default, as for a launch.
func (s *Service) TemplateVersion(tx *world.Tx, idOrName, version string) (TemplateVersion, error) {
	t, err := s.Template(tx, idOrName)
	if err != nil {
		return TemplateVersion{}, err
	}
	n, err := t.number(version)
	if err != nil {
		return TemplateVersion{}, err
	}
	v, ok := versions(tx).Get(versionKey(t.ID, n))
	if !ok {
		return TemplateVersion{}, noVersion(t.ID, version)
	}
	return v, nil
}

func (t LaunchTemplate) number(version string) (int64, error) {
	switch version {
	case "", "$Default":
		return t.Default, nil
	case "$Latest":
		return t.Latest, nil
	}
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil || n < 1 {
		return 0, wire.Errorf("InvalidLaunchTemplateVersion.Malformed", "The specified launch template version %s is not valid", version)
	}
	return n, nil
}

func noVersion(id, version string) error {
	return wire.Errorf("InvalidLaunchTemplateId.VersionNotFound",
		"Could not find the specified version %s for the launch template with ID %s.", version, id)
}

// versionKey sorts as text like the numbers do.
func versionKey(id string, n int64) string { return fmt.Sprintf("%s/%09d", id, n) }

// inherit is a version made from another one: what the new data sets replaces the
// whole parameter of the source ("SourceVersion", CreateLaunchTemplateVersion).
func inherit(source, data types.RequestLaunchTemplateData) types.RequestLaunchTemplateData {
	out := source
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(data)
	for k := range to.NumField() {
		if to.Type().Field(k).IsExported() && !from.Field(k).IsZero() {
			to.Field(k).Set(from.Field(k))
		}
	}
	return out
}

// MakeTemplate makes a launch template with its first version.
func (s *Service) MakeTemplate(tx *world.Tx, name, description string, data types.RequestLaunchTemplateData, tags map[string]string) (LaunchTemplate, error) {
	if err := checkTemplateName(name); err != nil {
		return LaunchTemplate{}, err
	}
	for _, t := range templates(tx).All() {
		if t.Name == name {
			return LaunchTemplate{}, wire.Errorf("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
		}
	}
	if err := checkData(data); err != nil {
		return LaunchTemplate{}, err
	}
	t := LaunchTemplate{ID: tx.ID("lt-"), Name: name, Created: tx.Now, By: caller(tx), Default: 1, Latest: 1, Tags: tags}
	templates(tx).Put(t.ID, t)
	putVersion(tx, t, description, data)
	return t, nil
}

func putVersion(tx *world.Tx, t LaunchTemplate, description string, data types.RequestLaunchTemplateData) TemplateVersion {
	v := TemplateVersion{Template: t.ID, Name: t.Name, Version: t.Latest, Description: description, Created: tx.Now, By: caller(tx), Data: data}
	versions(tx).Put(versionKey(t.ID, t.Latest), v)
	return v
}

// checkTemplateName: 3 to 128 characters of letters, digits and ( ) . / _
// ("LaunchTemplateName", CreateLaunchTemplate), and the hyphen that AWS takes too.
func checkTemplateName(name string) error {
	ok := len(name) >= 3 && len(name) <= 128
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '(' || r == ')' || r == '.' || r == '/' || r == '_' || r == '-')
	}
	if !ok {
		return wire.Errorf("InvalidLaunchTemplateName.MalformedException",
			"Launch template names must be between 3 and 128 characters long, and may contain letters, numbers, and the following characters: - ( ) . / _.")
	}
	return nil
}

// checkData refuses what no launch could use. AWS does not look at ids here: a
// template may name an image that does not exist.
func checkData(d types.RequestLaunchTemplateData) error {
	if reflect.ValueOf(d).IsZero() {
		return missingParameter("LaunchTemplateData")
	}
	if _, err := base64.StdEncoding.DecodeString(aws.ToString(d.UserData)); err != nil {
		return wire.Errorf("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	for _, s := range d.TagSpecifications {
		if len(s.Tags) == 0 {
			return noTagsInSpec()
		}
		if _, err := checkTags(s.Tags); err != nil {
			return err
		}
	}
	return nil
}

// caller is who asks, as an ARN.
func caller(tx *world.Tx) string {
	if tx.Caller == "" {
		return "arn:aws:iam::" + tx.Account + ":root"
	}
	return tx.Caller
}
