package ec2

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func sdkTemplate(t LaunchTemplate) *types.LaunchTemplate {
	return &types.LaunchTemplate{
		LaunchTemplateId: &t.ID, LaunchTemplateName: &t.Name, CreateTime: &t.Created, CreatedBy: &t.By,
		DefaultVersionNumber: &t.Default, LatestVersionNumber: &t.Latest, Tags: sdkTags(t.Tags),
	}
}

func sdkVersion(t LaunchTemplate, v TemplateVersion) *types.LaunchTemplateVersion {
	out := &types.LaunchTemplateVersion{
		LaunchTemplateId: &v.Template, LaunchTemplateName: &v.Name, VersionNumber: &v.Version,
		CreateTime: &v.Created, CreatedBy: &v.By, DefaultVersion: aws.Bool(t.Default == v.Version),
		LaunchTemplateData: &types.ResponseLaunchTemplateData{},
	}
	if v.Description != "" {
		out.VersionDescription = &v.Description
	}
	convert(v.Data, out.LaunchTemplateData)
	return out
}

// convert copies between the SDK's request and response forms of the same shape,
// whose fields have the same names.
func convert(from, to any) {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil { // both are the SDK's own structs of plain fields
		panic(fmt.Sprintf("twin: convert %T to %T: %v", from, to, err))
	}
}
