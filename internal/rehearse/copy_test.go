package rehearse

import (
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// web is an input of one fleet in one ring.
func web() rollout.Input {
	return rollout.Input{Image: "ami-1", Rings: []rollout.Ring{{Name: "prod"}, {Name: "empty"}},
		Fleets: []rollout.Fleet{{Name: "web", Ring: "prod", Groups: []string{"web-1", "web-2"}}, {Name: "none", Ring: "empty", Tags: map[string]string{"a": "b"}}}}
}

func TestACopyHasTheGroupsTheirImagesAndTheImageToGoTo(t *testing.T) {
	c, err := copyOf(small(), web(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.groups) != 2 || c.groups[0].Template != c.groups[1].Template || c.groups[0].Tags["App"] != "web" || c.groups[0].Tags[mark] != "web" {
		t.Errorf("groups %+v", c.groups)
	}
	if !imageRE.MatchString(c.input.Image) || len(c.images) != 2 || c.images[0].ID != "ami-0123456789abcdef0" || c.images[1].ID != c.input.Image {
		t.Errorf("to %s, images %+v", c.input.Image, c.images)
	}
	if len(c.input.Fleets) != 1 || c.input.Fleets[0].Tags[mark] != "web" || len(c.input.Fleets[0].Groups) != 0 || len(c.input.Rings) != 1 {
		t.Errorf("input %+v", c.input)
	}
	if c.input.Fleets[0].Cells[0] != (rollout.Cell{Account: "111122223333", Region: "eu-west-1"}) {
		t.Errorf("cells %v", c.input.Fleets[0].Cells)
	}
}

func TestACopyKeepsTemplatesApartThatDiffer(t *testing.T) {
	for name, change := range map[string]func(*Group){
		"version": func(g *Group) { g.Version = "8" },
		"image":   func(g *Group) { g.Image = "ami-00000001" },
		"type":    func(g *Group) { g.Type = "c5.large" },
	} {
		f := small()
		change(&f.Groups[1])
		c, err := copyOf(f, web(), "")
		if err != nil || c.groups[0].Template == c.groups[1].Template {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func TestACopyWhoseGroupsRunTheImageAlreadyGoesFromAStandInToIt(t *testing.T) {
	c, err := copyOf(small(), web(), "ami-0123456789abcdef0")
	if err != nil || c.input.Image != "ami-0123456789abcdef0" || c.groups[0].Image == c.input.Image {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestACopyOfNothingOrOfAnUnknownFleetIsRefused(t *testing.T) {
	f := small()
	f.Groups[0].Fleet = "other"
	if _, err := copyOf(f, web(), ""); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), `no fleet "other"`) {
		t.Errorf("got %v", err)
	}
	f = small()
	for i := range f.Groups {
		f.Groups[i].Refused = "it has no launch template"
	}
	if _, err := copyOf(f, web(), ""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestTheArchitectureIsToldByTheTypesName(t *testing.T) {
	for kind, want := range map[string]string{"m5.large": "x86_64", "g4dn.xlarge": "x86_64", "p4de.24xlarge": "x86_64", "m6g.large": "arm64", "c7gn.large": "arm64",
		"t4g.micro": "arm64", "im4gn.large": "arm64", "a1.large": "arm64", "g5g.xlarge": "arm64", "g5.xlarge": "x86_64", "u7i-12tb.224xlarge": "x86_64", "": "x86_64"} {
		if got := architecture(kind); got != want {
			t.Errorf("%s is %s, not %s", kind, got, want)
		}
	}
}

func TestTemplateNamesAreWhatEC2Takes(t *testing.T) {
	valid := regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)
	for _, name := range []string{"", "a", "web-7", "my template: prod", strings.Repeat("ä", 500), "lt-0123-$Latest"} {
		if got := clean(name); !valid.MatchString(got) {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}
