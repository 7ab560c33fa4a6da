package usage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

func texts(uses []Use) string {
	var out []string
	for _, u := range uses {
		out = append(out, u.Text)
	}
	return strings.Join(out, "\n")
}

func group(name, version string) Group {
	return Group{Name: name, Template: Template{ID: "lt-1", Version: version}}
}

func TestEverythingThatNamesAnImageIsAUse(t *testing.T) {
	for name, c := range map[string]struct {
		w        world
		want     string
		launches bool
	}{
		"an instance":            {world{instances: []Instance{{ID: "i-1", Image: imgA, State: "stopped"}}}, "instance i-1 runs it (stopped)", false},
		"a group's instance":     {world{instances: []Instance{{ID: "i-1", Image: imgA, State: "running", Group: "web"}}}, "instance i-1 of group web runs it", false},
		"a template's version":   {world{versions: []TemplateVersion{version(1, imgB), version(2, imgA)}}, "version 2 of launch template lt-1 (web) names it", false},
		"a launch configuration": {world{configs: []LaunchConfiguration{{"old", imgA}}}, "launch configuration old names it", false},
		"a parameter":            {world{parameters: []Parameter{{Name: "/x", Value: imgA, Version: 3}}}, "parameter /x holds it (version 3)", false},
		"a parameter's JSON":     {world{parameters: []Parameter{{Name: "/x", Value: `{"image":"` + imgA + `"}`}}}, "parameter /x holds it", false},
		"a group by number":      {world{versions: []TemplateVersion{version(1, imgA)}, groups: []Group{group("web", "1")}}, "group web launches it from version 1", true},
		"a group by $Latest": {world{versions: []TemplateVersion{version(1, imgB), version(2, imgA)}, groups: []Group{group("web", "$Latest")}},
			"group web launches it from version 2", true},
		"a group by the default": {world{versions: []TemplateVersion{version(1, imgA), version(2, imgB)}, groups: []Group{group("web", "")}},
			"group web launches it from version 1", true},
		"a group by the template's name": {world{versions: []TemplateVersion{version(1, imgA)}, groups: []Group{{Name: "web", Template: Template{Name: "web", Version: "1"}}}},
			"group web launches it from version 1", true},
		"a group on a launch configuration": {world{configs: []LaunchConfiguration{{"old", imgA}}, groups: []Group{{Name: "web", LaunchConfiguration: "old"}}},
			"group web launches it from launch configuration old", true},
		"an override's image": {world{versions: []TemplateVersion{version(1, imgB)}, groups: []Group{{Name: "web", Template: Template{ID: "lt-1"}, Images: []string{imgA}}}},
			"group web launches it from an override of its policy", true},
		"an override's template": {world{versions: []TemplateVersion{version(1, imgB), version(2, imgA)},
			groups: []Group{{Name: "web", Template: Template{ID: "lt-1", Version: "1"}, Overrides: []Template{{ID: "lt-1", Version: "2"}}}}},
			"group web launches it from version 2", true},
		"a parameter in a template": {world{versions: []TemplateVersion{version(1, "resolve:ssm:/golden/web/latest")}, groups: []Group{group("web", "1")},
			parameters: []Parameter{{Name: "/golden/web/latest", Value: imgA}}}, "group web launches it from version 1", true},
		"a labelled version of a parameter": {world{versions: []TemplateVersion{version(1, "resolve:ssm:/p:good")}, groups: []Group{group("web", "1")},
			parameters: []Parameter{{Name: "/p", Value: imgB, Version: 2}},
			histories:  map[string][]Parameter{"/p": {{Value: imgA, Version: 1, Labels: []string{"good"}}, {Value: imgB, Version: 2}}}},
			"group web launches it from version 1", true},
		"a parameter by its ARN": {world{versions: []TemplateVersion{version(1, "resolve:ssm:arn:aws:ssm:eu-west-1:111122223333:parameter/golden/web/latest")},
			groups: []Group{group("web", "1")}, parameters: []Parameter{{Name: "/golden/web/latest", Value: imgA}}}, "group web launches it from version 1", true},
		"a refresh under way": {world{versions: []TemplateVersion{version(1, imgB), version(2, imgA)}, groups: []Group{group("web", "1")},
			refreshes: map[string][]Template{"web": {{ID: "lt-1", Version: "2"}}}}, "an instance refresh brings group web to it", true},
		"a refresh to another template": {world{versions: []TemplateVersion{version(1, imgB), {Template: "lt-2", Number: 1, Image: imgA}}, groups: []Group{group("web", "1")},
			refreshes: map[string][]Template{"web": {{ID: "lt-2", Version: "1"}}}}, "an instance refresh brings group web to it", true},
		"a refresh away from a launch configuration": {world{configs: []LaunchConfiguration{{"old", imgB}}, versions: []TemplateVersion{version(1, imgA)},
			groups: []Group{{Name: "web", LaunchConfiguration: "old"}}, refreshes: map[string][]Template{"web": {{ID: "lt-1", Version: "1"}}}}, "an instance refresh brings group web to it", true},
		"an override of a refresh": {world{versions: []TemplateVersion{version(1, imgB)}, groups: []Group{group("web", "1")}, overrides: map[string][]string{"web": {imgA}}},
			"an instance refresh brings group web to it", true},
		"a numbered version of a parameter by its ARN": {world{versions: []TemplateVersion{version(1, "resolve:ssm:arn:aws:ssm:eu-west-1:111122223333:parameter/p:1")},
			groups: []Group{group("web", "1")}, parameters: []Parameter{{Name: "/p", Value: imgB, Version: 2}},
			histories: map[string][]Parameter{"/p": {{Value: imgA, Version: 1}, {Value: imgB, Version: 2}}}}, "group web launches it from version 1", true},
		"what EC2 alone knows": {world{references: []Reference{{imgA, "imagebuilder:Recipe", "arn:aws:imagebuilder:eu-west-1:111122223333:image-recipe/base"}}},
			"EC2 says that imagebuilder:Recipe", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := take(t, &c.w, Question{Images: []string{imgA}})
			if len(got.Unknown) > 0 || !strings.Contains(texts(got.Of(imgA)), c.want) {
				t.Fatalf("got %q, unknown %v", texts(got.Of(imgA)), got.Unknown)
			}
			if launches := slices.ContainsFunc(got.Of(imgA), func(u Use) bool { return u.Launches }); launches != c.launches {
				t.Errorf("launches: %v", launches)
			}
		})
	}
}

func TestWhatCannotBeReadIsUnknownAndNeverNothing(t *testing.T) {
	full := func() *world {
		return &world{versions: []TemplateVersion{version(1, "resolve:ssm:/p:1"), version(2, imgA)}, groups: []Group{group("web", "1")},
			parameters: []Parameter{{Name: "/p", Value: imgB, Version: 2}}}
	}
	for _, call := range []string{"instances", "templates", "configurations", "groups", "refreshes", "references", "parameters", "history"} {
		w := full()
		w.fail = call
		if call == "parameters" {
			w.parameters = nil
		}
		if c := take(t, w, Question{Images: []string{imgA}}); len(c.Unknown) == 0 || !strings.Contains(c.Unknown[0], "not allowed") {
			t.Errorf("%s failed: unknown %v", call, c.Unknown)
		}
	}
	if c := take(t, full(), Question{Images: []string{imgA}}); len(c.Unknown) != 0 {
		t.Errorf("nothing failed: %v", c.Unknown)
	}
	c := take(t, full(), Question{Cells: []Cell{{"444455556666", "eu-west-1"}}})
	if len(c.Unknown) != 1 || !strings.Contains(c.Unknown[0], "444455556666/eu-west-1: open: no role") {
		t.Errorf("a cell that cannot be opened: %v", c.Unknown)
	}
	strange := "resolve:ssm:arn:aws:ssm:eu-west-1:999999999999:parameter/p"
	w := &world{versions: []TemplateVersion{version(1, strange), version(2, strange)}}
	if c := take(t, w, Question{}); len(c.Unknown) != 1 {
		t.Errorf("a parameter of a strange account: %v", c.Unknown)
	}
}

func TestAnEndpointWithoutReferencesIsNoUnknown(t *testing.T) {
	c, err := Read(t.Context(), func(context.Context, Cell) (Ports, error) {
		w := &world{}
		return Ports{Compute: w, Parameters: w, References: unsupported{}}, nil
	}, Question{Cells: []Cell{home}, Images: []string{imgA}})
	if err != nil || len(c.Unknown) != 0 {
		t.Errorf("%v, %v", err, c.Unknown)
	}
}

type unsupported struct{}

func (unsupported) References(context.Context, []string) ([]Reference, error) {
	return nil, fault.New(fault.Unsupported, "", "no such operation")
}

func TestAReferenceThatWasSeenIsNotCountedTwice(t *testing.T) {
	w := &world{instances: []Instance{{ID: "i-1", Image: imgA}}, versions: []TemplateVersion{version(1, imgA)}, parameters: []Parameter{{Name: "/a/b", Value: imgA}},
		references: []Reference{{imgA, "ec2:Instance", "arn:aws:ec2:eu-west-1:1:instance/i-1"}, {imgA, "ec2:LaunchTemplate", "arn:aws:ec2:eu-west-1:1:launch-template/lt-1"},
			{imgA, "ssm:Parameter", "arn:aws:ssm:eu-west-1:1:parameter/a/b"}}}
	if c := take(t, w, Question{Images: []string{imgA}}); len(c.Of(imgA, Referred)) != 0 || len(c.Of(imgA)) != 3 {
		t.Errorf("got %s", texts(c.Of(imgA)))
	}
}

func TestOurIdleVersionsMayGoAndRollbackTargetsMayNot(t *testing.T) {
	// 1 is a person's; 2 to 5 are ours, each made from the one before; the group is on 5.
	w := &world{versions: []TemplateVersion{version(1, imgA), ofOurs(2, 1, imgB), ofOurs(3, 2, imgC), ofOurs(4, 3, imgB), ofOurs(5, 4, imgA), version(6, imgA)},
		groups: []Group{group("web", "5")}}
	ours := func(depth int) (out []int64) {
		c := take(t, w, Question{Rollback: depth})
		for _, uses := range c.Uses {
			for _, u := range uses {
				if u.Kind == Versions && u.Ours {
					out = append(out, u.Version.Number)
				}
			}
		}
		slices.Sort(out)
		return out
	}
	for depth, want := range map[int][]int64{0: {2, 3, 4}, 1: {2, 3}, 2: {2}, 3: nil, 9: nil} {
		if got := ours(depth); !slices.Equal(got, want) {
			t.Errorf("rollback %d: %v may go, want %v", depth, got, want)
		}
	}
	w.groups = append(w.groups, group("old", "2"))
	if got := ours(0); !slices.Equal(got, []int64{3, 4}) {
		t.Errorf("a second group holds version 2: %v may go", got)
	}
	c := take(t, w, Question{Rollback: 1})
	if !strings.Contains(texts(c.Of(imgB)), "group web would be rolled back to version 4") {
		t.Errorf("got %s", texts(c.Of(imgB)))
	}
}

func TestAmazonsOwnParametersAreNotRead(t *testing.T) {
	w := &world{versions: []TemplateVersion{version(1, "resolve:ssm:/aws/service/debian/x"), version(2, "resolve:ssm:arn:aws:ssm:eu-west-1::parameter/aws/service/debian/x")},
		groups: []Group{group("web", "1")}, parameters: []Parameter{{Name: "/aws/service/x", Value: imgA}}}
	if c := take(t, w, Question{}); len(c.Unknown)+len(c.Uses) != 0 {
		t.Errorf("%v, %v", c.Unknown, c.Uses)
	}
}

func TestRollbackTargetsOfAnOverridesTemplateStay(t *testing.T) {
	w := &world{versions: []TemplateVersion{version(1, imgC), {Template: "lt-2", Number: 1, Image: imgC, Default: true},
		{Template: "lt-2", Number: 2, Image: imgA, Description: "rehydrate: version 1 with image " + imgA},
		{Template: "lt-2", Number: 3, Image: imgB, Description: "rehydrate: version 2 with image " + imgB}, {Template: "lt-2", Number: 4, Image: imgC}},
		groups: []Group{{Name: "web", Template: Template{ID: "lt-1", Version: "1"}, Overrides: []Template{{ID: "lt-2", Version: "3"}}}}}
	c := take(t, w, Question{Rollback: 1})
	if !strings.Contains(texts(c.Of(imgA)), "group web would be rolled back to version 2") || slices.ContainsFunc(c.Of(imgA), func(u Use) bool { return u.Ours }) {
		t.Errorf("got %+v", c.Of(imgA))
	}
}

// A fleet's groups are asked at the same time, and the answer does not depend on who is
// faster.
func TestManyGroupsGiveTheSameCensusEveryTime(t *testing.T) {
	w := &world{versions: []TemplateVersion{version(1, imgB), version(2, imgA)}, refreshes: map[string][]Template{}}
	for n := range 50 {
		name := fmt.Sprintf("web-%02d", n)
		w.groups = append(w.groups, group(name, "1"))
		w.refreshes[name] = []Template{{ID: "lt-1", Version: "2"}}
	}
	first := texts(take(t, w, Question{Images: []string{imgA}}).Of(imgA))
	if n := strings.Count(first, "an instance refresh brings"); n != 50 {
		t.Fatalf("%d refreshes were found", n)
	}
	for range 5 {
		if again := texts(take(t, w, Question{Images: []string{imgA}}).Of(imgA)); again != first {
			t.Fatalf("once\n%s\nthen\n%s", first, again)
		}
	}
}
