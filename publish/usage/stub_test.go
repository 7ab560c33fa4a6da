package usage

import (
	"context"
	"errors"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

// The images of these tests, and the cell they lie in.
const (
	imgA = "ami-0000000000000000a"
	imgB = "ami-0000000000000000b"
	imgC = "ami-0000000000000000c"
)

var home = Cell{"111122223333", "eu-west-1"}

// world is a cell of function fields' results.
type world struct {
	instances  []Instance
	versions   []TemplateVersion
	configs    []LaunchConfiguration
	groups     []Group
	refreshes  map[string][]Template
	overrides  map[string][]string // images that a refresh's overrides name, by group
	references []Reference
	parameters []Parameter
	histories  map[string][]Parameter
	fail       string // the call that fails
}

var errDenied = fault.New(fault.Denied, "", "not allowed")

func (w *world) call(name string) error {
	if w.fail == name {
		return errDenied
	}
	return nil
}

func (w *world) Instances(context.Context) ([]Instance, error) {
	return w.instances, w.call("instances")
}
func (w *world) TemplateVersions(context.Context) ([]TemplateVersion, error) {
	return w.versions, w.call("templates")
}
func (w *world) LaunchConfigurations(context.Context) ([]LaunchConfiguration, error) {
	return w.configs, w.call("configurations")
}
func (w *world) Groups(context.Context) ([]Group, error) { return w.groups, w.call("groups") }
func (w *world) Refreshing(_ context.Context, group string) ([]Template, []string, error) {
	return w.refreshes[group], w.overrides[group], w.call("refreshes")
}
func (w *world) References(_ context.Context, images []string) ([]Reference, error) {
	var out []Reference
	for _, r := range w.references {
		for _, i := range images {
			if r.Image == i {
				out = append(out, r)
			}
		}
	}
	return out, w.call("references")
}
func (w *world) All(context.Context) ([]Parameter, error) { return w.parameters, w.call("parameters") }
func (w *world) History(_ context.Context, name string) ([]Parameter, error) {
	return w.histories[name], w.call("history")
}

func (w *world) ports() Ports { return Ports{Compute: w, References: w, Parameters: w} }

// take reads the census of one cell.
func take(t *testing.T, w *world, q Question) *Census {
	t.Helper()
	q.Cells = append(q.Cells, home)
	c, err := Read(t.Context(), func(_ context.Context, at Cell) (Ports, error) {
		if at != home {
			return Ports{}, errors.New("no role")
		}
		return w.ports(), nil
	}, q)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func version(n int64, image string) TemplateVersion {
	return TemplateVersion{Template: "lt-1", Name: "web", Number: n, Image: image, Default: n == 1}
}

func ofOurs(n, from int64, image string) TemplateVersion {
	v := version(n, image)
	v.Description = "rehydrate: version " + string(rune('0'+from)) + " with image " + image
	return v
}
