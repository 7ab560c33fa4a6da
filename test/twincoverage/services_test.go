package twincoverage

import (
	"encoding/json"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wire/models"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// service is one of the twin's, with the model that AWS's clients are made of.
type service struct {
	*wire.Service
	title string
	pkg   string // below internal/twin
	model model
}

type model struct {
	Metadata struct {
		Protocol, TargetPrefix string
	}
	Operations map[string]struct {
		HTTP struct {
			Method     string
			RequestURI string
		}
		Input struct{ Shape string }
	}
	Shapes map[string]json.RawMessage
}

// services are all services of the twin, in the order of the page.
func services(t *testing.T) []service {
	t.Helper()
	w := wiretest.World(t)
	compute, objects := ec2.New(w, nil, t.TempDir()), s3.New(t.TempDir())
	all := []service{
		{Service: compute.Wire(), title: "EC2", pkg: "ec2"},
		{Service: ebs.New(compute).Wire(), title: "EBS direct APIs", pkg: "ebs"},
		{Service: autoscaling.New(w, compute).Wire(), title: "EC2 Auto Scaling", pkg: "autoscaling"},
		{Service: elbv2.New(w, compute).Wire(), title: "Elastic Load Balancing (v2)", pkg: "elbv2"},
		{Service: ssm.New(w, ssm.Ports{EC2: compute, Objects: objects}).Wire(), title: "Systems Manager", pkg: "ssm"},
		{Service: cloudwatch.New(nil).Wire(), title: "CloudWatch", pkg: "cloudwatch"},
		{Service: kms.New().Wire(), title: "KMS", pkg: "kms"},
		{Service: objects.Wire(), title: "S3", pkg: "s3"},
		{Service: sns.New(), title: "SNS", pkg: "sns"},
		{Service: eventbridge.New(), title: "EventBridge", pkg: "eventbridge"},
		{Service: sts.New(), title: "STS", pkg: "sts"},
		{Service: servicequotas.New(), title: "Service Quotas", pkg: "servicequotas"},
	}
	for i := range all {
		text, err := models.Read(all[i].Name)
		if err == nil {
			err = json.Unmarshal(text, &all[i].model)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// packages are those whose tests call real services over the wire.
func packages(all []service) []string {
	out := []string{"github.com/goldenami/rehydrate/internal/twin", "github.com/goldenami/rehydrate/internal/twin/worldfile"}
	for _, s := range all {
		out = append(out, "github.com/goldenami/rehydrate/internal/twin/"+s.pkg)
	}
	return out
}
