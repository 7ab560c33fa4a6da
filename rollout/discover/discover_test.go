package discover_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/discover"
)

// cell is a small account's Region.
type cell struct {
	groups   []rollout.Group
	versions []rollout.TemplateVersion
	tags     []rollout.TaggedTemplate
	images   map[string]rollout.ImageDetail
	tagless  error
}

func (c *cell) Find(context.Context, []string, map[string]string) ([]rollout.Group, error) {
	return c.groups, nil
}
func (c *cell) Pin(context.Context, string, rollout.Desired) error { return errors.New("a read wrote") }
func (c *cell) Versions(_ context.Context, template string, versions ...string) ([]rollout.TemplateVersion, error) {
	for _, v := range c.versions {
		if v.Template == template && v.Number == versions[0] {
			return []rollout.TemplateVersion{v}, nil
		}
	}
	return nil, fault.New(fault.NotFound, "", "no version")
}
func (c *cell) Create(context.Context, rollout.NewTemplateVersion) (rollout.TemplateVersion, error) {
	return rollout.TemplateVersion{}, errors.New("a read wrote")
}
func (c *cell) Tags(context.Context) ([]rollout.TaggedTemplate, error) { return c.tags, c.tagless }
func (c *cell) States(context.Context, []string) (map[string]string, error) {
	return nil, nil
}
func (c *cell) Details(context.Context, []string) (map[string]rollout.ImageDetail, error) {
	return c.images, nil
}

type clock struct{}

func (clock) Now() time.Time                               { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) }
func (clock) Sleep(ctx context.Context, _ time.Time) error { return ctx.Err() }

func group(name, template string, tags map[string]string) rollout.Group {
	return rollout.Group{Name: name, Desired: 2, Max: 4, Template: rollout.Template{ID: template, Version: "1"}, Tags: tags}
}

func account() *cell {
	latest := group("latest", "lt-1", map[string]string{"Ring": "prod"})
	latest.Template.Version = "$Latest"
	latest.Instances = []rollout.Member{{ID: "i-1", State: rollout.InService, Template: rollout.Template{ID: "lt-1", Version: "1"}}}
	old := rollout.Group{Name: "old", LaunchConfiguration: "lc", Desired: 1}
	return &cell{
		groups: []rollout.Group{
			group("web-dev", "lt-1", map[string]string{"Env": "Dev"}), latest, old,
			group("alias", "lt-ssm", nil), group("stack", "lt-cf", nil), group("nodes", "lt-1", map[string]string{"eks:nodegroup-name": "ng"}),
			group("stranger", "lt-other", nil), group("tf", "lt-tf", nil), group("gone", "lt-1", nil),
		},
		versions: []rollout.TemplateVersion{
			{Template: "lt-1", Number: "1", Image: "ami-web"}, {Template: "lt-ssm", Number: "1", Image: "resolve:ssm:/golden/web/latest:3"},
			{Template: "lt-cf", Number: "1", Image: "ami-source"}, {Template: "lt-other", Number: "1", Image: "ami-other"}, {Template: "lt-tf", Number: "1", Image: "ami-deb"},
		},
		tags: []rollout.TaggedTemplate{{ID: "lt-cf", Name: "x", Tags: map[string]string{"aws:cloudformation:stack-name": "web-stack"}},
			{ID: "lt-tf", Name: "web-20260310120000123400000001"}},
		images: map[string]rollout.ImageDetail{"ami-web": {Name: "web-1", Tags: map[string]string{discover.TagLine: "web"}},
			"ami-other": {Name: "windows"}, "ami-deb": {Name: "debian-12-amd64-1", Arch: "x86_64"}},
	}
}

func find(t *testing.T, c *cell) map[string]discover.Group {
	t.Helper()
	r := discovered(t, c)
	out := map[string]discover.Group{}
	for _, g := range r.Groups {
		out[g.Name] = g
	}
	if len(out) != len(c.groups) {
		t.Fatalf("%d of %d groups", len(out), len(c.groups))
	}
	return out
}

func discovered(t *testing.T, c *cell) discover.Result {
	t.Helper()
	f := discover.Finder{
		Stage:  &rollout.Stage{Cells: rollout.Everywhere(rollout.Ports{Groups: c, Templates: c, Images: c}), Clock: clock{}},
		Lines:  []discover.Line{{Name: "web", Channels: []string{"/golden/web/latest"}, Arch: "x86_64", Rings: []string{"dev", "prod"}, Source: "ami-source", SourceName: "debian-12-*"}},
		Fleets: []rollout.Fleet{{Name: "mine", Groups: []string{"gone"}}},
	}
	r, err := f.Find(t.Context(), []rollout.Cell{{}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryGroupIsFoundWithItsLineOwnerAndRing(t *testing.T) {
	got := find(t, account())
	for name, want := range map[string]struct{ line, why, owner, ring string }{
		"web-dev": {"web", "an image of the line", "unknown", "dev"}, "latest": {"web", "an image of the line", "unknown", "prod"},
		"alias": {"web", "the line's channel", "unknown", ""}, "stack": {"web", "source image", "cloudformation", ""},
		"nodes": {"web", "an image of the line", "service", ""}, "stranger": {"", "", "unknown", ""}, "tf": {"web", "source name", "terraform", ""},
		"old": {"", "", "unknown", ""},
	} {
		g := got[name]
		if g.Line != want.line || !strings.Contains(g.Why, want.why) || g.Owner.Kind != want.owner || g.Ring != want.ring {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if got["stack"].Owner.Name != "web-stack" || got["gone"].Fleet != "mine" {
		t.Errorf("%+v, %+v", got["stack"].Owner, got["gone"])
	}
}

func TestWhatBlocksAGroupIsSaid(t *testing.T) {
	got := find(t, account())
	for name, says := range map[string]string{"old": "launch configuration", "alias": "resolve:ssm", "nodes": "EKS"} {
		g := got[name]
		found := false
		for _, f := range g.Blocks {
			found = found || f.Refuse && strings.Contains(f.Text, says)
		}
		if !found || !g.Blocked() {
			t.Errorf("%s: %+v", name, g.Blocks)
		}
	}
	if g := got["latest"]; g.Blocked() || len(g.Blocks) == 0 || !strings.Contains(g.Blocks[0].Text, "$Latest") {
		t.Errorf("%+v", g.Blocks)
	}
}

func TestTagsThatCannotBeReadAreSaidAndStopNothing(t *testing.T) {
	c := account()
	c.tagless = fault.New(fault.Denied, "give the role ec2:DescribeLaunchTemplates", "no")
	r := discovered(t, c)
	if len(r.Unread) != 1 || !strings.Contains(r.Unread[0].Text, "tags of launch templates") || len(r.Groups) != len(c.groups) {
		t.Errorf("%+v", r.Unread)
	}
}

func TestTheConfigurationToEditHasWhatCanBeRolledAndSaysWhyTheRestCannot(t *testing.T) {
	c := account()
	evil := group("a\"${x}\n%{y}\u202e", "lt-1", map[string]string{"Env": "dev"})
	c.groups = append(c.groups, evil)
	text := discover.HCL(discovered(t, c), []discover.Account{{Label: "prod", ID: "222222222222"}})
	for _, want := range []string{`fleet "web-dev" {`, `asg_names = ["a\"$${x}\n%%{y}`, "# old cannot be rolled as it stands:", "# stranger fits no image line: it runs windows.",
		"# gone is in fleet mine already.", "ring      = \"prod\"", "# Write its ring, and take the comment signs away:\n# fleet \"web\" {", "owner: cloudformation web-stack"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestABlockSelectsNothingThatWasNotFoundWithIt(t *testing.T) {
	r := discover.Result{Groups: []discover.Group{{Name: "lone", Account: "111", Region: "eu", Line: "web", Ring: "dev", Desired: 1}}}
	for _, at := range []string{"web 111 eu", "web 111 us", "web 222 eu", "web 222 us", "api 111 eu", "api 222 eu", "batch 222 us", "edge 111 eu", "edge 222 us"} {
		f := strings.Fields(at)
		r.Groups = append(r.Groups, discover.Group{Name: f[0], Account: f[1], Region: f[2], Line: "web", Ring: "prod"})
	}
	text := discover.HCL(r, []discover.Account{{Label: "one", ID: "111"}, {Label: "two", ID: "222"}}, "web-prod-2")
	for _, want := range []string{
		"\"web-prod\" {\n  follows   = image.web\n  ring      = \"prod\"\n  accounts  = [\"one\", \"two\"]\n  regions   = [\"eu\", \"us\"]\n  asg_names = [\"web\"]",
		"\"web-prod-3\" {\n  follows   = image.web\n  ring      = \"prod\"\n  accounts  = [\"one\", \"two\"]\n  regions   = [\"eu\"]\n  asg_names = [\"api\"]",
		"accounts  = [\"two\"]\n  regions   = [\"us\"]\n  asg_names = [\"batch\"]",
		"accounts  = [\"one\"]\n  regions   = [\"eu\"]\n  asg_names = [\"edge\"]",
		"accounts  = [\"two\"]\n  regions   = [\"us\"]\n  asg_names = [\"edge\"]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if !strings.Contains(text, "asg_names = [\"lone\"]\n  refresh {\n    min_healthy = \"100%\"\n    max_healthy = \"200%\"\n  }\n}") || strings.Count(text, "refresh") != 1 {
		t.Errorf("a group of one may not double:\n%s", text)
	}
	if n := strings.Count(text, "fleet \""); n != 6 {
		t.Errorf("%d blocks", n)
	}
}
