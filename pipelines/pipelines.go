// Package pipelines renders the files with which a host (GitHub Actions, later
// CodePipeline and Step Functions) runs the stages.
package pipelines

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"text/template"

	"github.com/goldenami/rehydrate/internal/fault"
)

//go:embed github.yml.tmpl
var templates embed.FS

// GitHub are the choices of a GitHub Actions workflow.
type GitHub struct {
	Image  string // image line
	Config string // path of the configuration in the repository
	Region string
	// Role is the ARN of the role that the jobs assume through OpenID Connect.
	Role string
	// Cron is when the workflow runs by itself: five fields, UTC, as GitHub reads it.
	Cron string
	// Environment is the GitHub environment of the jobs that move something; its
	// protection rules are the approvals. Empty: production.
	Environment string
	// Version of rehydrate to install, such as v0.1.0.
	Version string
	// RunsOn is the runners' label; empty: ubuntu-24.04. A bake over SSH needs a runner
	// that reaches the build instance, so usually one of your own.
	RunsOn string
	// Bucket keeps the state folder from run to run, so that a bake can be skipped and
	// history stays; empty: every run begins with none.
	Bucket string
}

// Monthly is 03:17 UTC on the 12th, after the second Tuesday has brought its patches
// in most months; an odd minute, because GitHub is busiest on the hour.
const Monthly = "17 3 12 * *"

// What a value may be, because the template puts it into a shell or YAML text.
var (
	wordRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.\-]*$`)
	pathRE = regexp.MustCompile(`^[A-Za-z0-9_.\-/]+$`)
	arnRE  = regexp.MustCompile(`^arn:aws[a-z\-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/\-]+$`)
	// A general purpose bucket's name, or none.
	bucketRE = regexp.MustCompile(`^([a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])?$`)
	cronRE   = regexp.MustCompile(`^[0-9*/,\-]+ [0-9*/,\-]+ [0-9*/,\-]+ [0-9A-Z*/,\-]+ [0-9A-Z*/,\-]+$`)
)

// RenderGitHub renders .github/workflows/rehydrate.yml.
func RenderGitHub(g GitHub) ([]byte, error) {
	if g.Cron == "" {
		g.Cron = Monthly
	}
	if g.Environment == "" {
		g.Environment = "production"
	}
	if g.RunsOn == "" {
		g.RunsOn = "ubuntu-24.04"
	}
	if g.Config == "" {
		g.Config = "rehydrate.hcl"
	}
	for _, c := range []struct {
		name, value string
		re          *regexp.Regexp
	}{
		{"image", g.Image, wordRE}, {"config", g.Config, pathRE}, {"region", g.Region, wordRE}, {"role", g.Role, arnRE},
		{"cron", g.Cron, cronRE}, {"environment", g.Environment, wordRE}, {"version", g.Version, wordRE},
		{"runner", g.RunsOn, wordRE}, {"bucket", g.Bucket, bucketRE},
	} {
		if !c.re.MatchString(c.value) {
			return nil, fault.New(fault.Usage, "", "render the GitHub workflow: %s is %q, which does not match %s", c.name, c.value, c.re)
		}
	}
	// The workflow's own ${{ }} must survive, so the template has other delimiters.
	t, err := template.New("github.yml.tmpl").Delims("<<", ">>").ParseFS(templates, "github.yml.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse the GitHub workflow: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, g); err != nil {
		return nil, fmt.Errorf("render the GitHub workflow: %w", err)
	}
	return b.Bytes(), nil
}
