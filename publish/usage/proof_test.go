package usage

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAProofSaysWhatWasLookedAt(t *testing.T) {
	w := &world{instances: []Instance{{ID: "i-1", Image: imgA}, {ID: "i-2", Image: imgB}}, versions: []TemplateVersion{version(1, imgA), version(2, imgB), {Template: "lt-2", Number: 1}},
		configs: []LaunchConfiguration{{"old", imgB}}, groups: []Group{group("web", "1")}, parameters: []Parameter{{Name: "/x", Value: "no image"}}}
	c := take(t, w, Question{Images: []string{imgA}})
	if got := c.Looked.String(); got != "1 cell, 2 instances, 3 versions of 2 launch templates, 1 launch configuration, 1 group and 1 parameter" {
		t.Errorf("got %q", got)
	}
	if !slices.Equal(c.Groups[home], []string{"web"}) {
		t.Errorf("groups %v", c.Groups)
	}
	if got := c.Of(imgA, Instances, Params); len(got) != 1 || got[0].ID != "i-1" {
		t.Errorf("got %+v", got)
	}
}

// A last look tells what a census did not know from what it had seen.
func TestNewsAreTheReferencesThatNobodyHadSeen(t *testing.T) {
	w := &world{instances: []Instance{{ID: "i-1", Image: imgA}}, versions: []TemplateVersion{version(1, imgA)}, parameters: []Parameter{{Name: "/a/b", Value: imgA}}}
	c := take(t, w, Question{})
	arn := func(rest string) Reference { return Reference{Image: imgA, ARN: "arn:aws:" + rest} }
	known := []Reference{arn("ec2:eu-west-1:1:instance/i-1"), arn("ec2:eu-west-1:1:launch-template/lt-1"), arn("ssm:eu-west-1:1:parameter/a/b")}
	if got := c.News(home, known); len(got) != 0 {
		t.Errorf("news: %v", got)
	}
	fresh := []Reference{arn("ec2:eu-west-1:1:instance/i-11"), arn("ec2:eu-west-1:1:launch-template/lt-11"), arn("ssm:eu-west-1:1:parameter/b"), {Image: imgB, ARN: known[0].ARN}}
	if got := c.News(home, append(known, fresh...)); !slices.Equal(got, fresh) {
		t.Errorf("news: %v", got)
	}
	if got := c.News(Cell{"2", "eu-west-1"}, known); len(got) != 3 {
		t.Errorf("of another account: %v", got)
	}
}

func TestARefreshToNowhereIsUnknown(t *testing.T) {
	for name, to := range map[string]Template{"no such version": {ID: "lt-1", Version: "9"}, "no such template": {ID: "lt-9", Version: "1"}, "a word": {ID: "lt-1", Version: "newest"}} {
		w := &world{versions: []TemplateVersion{version(1, imgB)}, groups: []Group{group("web", "1")}, refreshes: map[string][]Template{"web": {to}}}
		if c := take(t, w, Question{Images: []string{imgA}}); len(c.Unknown) != 1 || !strings.Contains(c.Unknown[0], "instance refresh of group web") {
			t.Errorf("%s: %v", name, c.Unknown)
		}
	}
}

// A group whose template is gone launches nothing at all, and hides nothing.
func TestAGroupWithoutItsTemplateLaunchesNothing(t *testing.T) {
	w := &world{versions: []TemplateVersion{version(1, imgA)}, groups: []Group{{Name: "old", Template: Template{ID: "lt-9", Version: "1"}}, {Name: "odd"}, group("web", "1")}}
	c := take(t, w, Question{})
	if got := c.Of(imgA, Groups); len(got) != 1 || got[0].ID != "web" || len(c.Unknown) != 0 {
		t.Errorf("got %+v, unknown %v", got, c.Unknown)
	}
}

func TestWhatARunTookBackIsNothingToGoBackTo(t *testing.T) {
	at := func(n int64, description string) Parameter {
		return Parameter{Version: n, Value: imgA, Description: description}
	}
	history := []Parameter{at(1, "rehydrate/1 run=r1"), at(2, "rehydrate/1 run=r2"), at(3, "rehydrate/1 run=r1 back=r2"), at(4, "by hand"), at(5, "rehydrate/1 run=r2")}
	if got := TakenBack(history); !maps.Equal(got, map[int64]bool{2: true}) { // r2's second try stands
		t.Errorf("taken back: %v", got)
	}
}
