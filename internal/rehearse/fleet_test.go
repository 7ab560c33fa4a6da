package rehearse

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

func ptr[T any](v T) *T { return &v }

func small() *Fleet {
	return &Fleet{Schema: FleetSchema, Source: "a test", At: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Groups: []Group{
		{Account: "111122223333", Region: "eu-west-1", Fleet: "web", Name: "web-1", Min: 2, Max: 8, Desired: 4, Image: "ami-0123456789abcdef0", Type: "m5.large",
			Template: "web", Version: "7", Tags: map[string]string{"App": "web"}, Warmup: 60, PolicyMin: ptr(90), PolicyMax: ptr(110), Instances: 4},
		{Account: "111122223333", Region: "eu-west-1", Fleet: "web", Name: "web-2", Min: 0, Max: 8, Desired: 2, Image: "ami-0123456789abcdef0", Type: "m5.large",
			Template: "web", Version: "7", Instances: 2, Suspended: []string{"AZRebalance"}},
	}}
}

func TestAFleetIsSavedAndReadBack(t *testing.T) {
	text, err := small().Save()
	if err != nil {
		t.Fatal(err)
	}
	if !IsFleet(text) {
		t.Error("it is not taken for a fleet")
	}
	got, err := ParseFleet(text)
	if err != nil || !reflect.DeepEqual(got, small()) {
		t.Errorf("%+v, %v", got, err)
	}
	if n, i := got.Size(); n != 2 || i != 6 {
		t.Errorf("%d groups, %d instances", n, i)
	}
}

func TestAWorldFileIsNoFleet(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `x`, `{"groups":[]}`, `{"schema":1,"images":[],"groups":[]}`} {
		if IsFleet([]byte(text)) {
			t.Errorf("%s passes for a fleet", text)
		}
	}
}

func TestWhatCannotBeRehearsedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Fleet)
		says   string
	}{
		"schema":      {func(f *Fleet) { f.Schema = 9 }, "schema is 9"},
		"no name":     {func(f *Fleet) { f.Groups[0].Name = "" }, "name of 1 to 255"},
		"control":     {func(f *Fleet) { f.Groups[0].Name = "a\nb" }, "name of 1 to 255"},
		"account":     {func(f *Fleet) { f.Groups[0].Account = "1" }, "twelve digits"},
		"region":      {func(f *Fleet) { f.Groups[0].Region = "../x" }, "is no region"},
		"twice":       {func(f *Fleet) { f.Groups[1].Name = "web-1" }, "stands there twice"},
		"descending":  {func(f *Fleet) { f.Groups[0].Max = 3 }, "do not ascend"},
		"negative":    {func(f *Fleet) { f.Groups[0].Min = -1 }, "do not ascend"},
		"huge":        {func(f *Fleet) { f.Groups[0].Max = 1 << 30 }, "do not ascend"},
		"image":       {func(f *Fleet) { f.Groups[0].Image = "resolve:ssm:/x" }, "is no image id"},
		"warm-up":     {func(f *Fleet) { f.Groups[0].Warmup = 1 << 40 }, "two days"},
		"half policy": {func(f *Fleet) { f.Groups[0].PolicyMax = nil }, "come together"},
		"too many": {func(f *Fleet) {
			g := f.Groups[0]
			g.Max, g.Desired = maxSize, maxSize
			f.Groups = nil
			for i := range maxInstances/maxSize + 1 {
				g.Name = strings.Repeat("x", i+1)
				f.Groups = append(f.Groups, g)
			}
		}, "more than 1000000 instances"},
	} {
		t.Run(name, func(t *testing.T) {
			f := small()
			c.change(f)
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParseFleet(text); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, text := range []string{"", "{", `{"schema":1,"more":2}`, `{"schema":1,"groups":[]} x`} {
		if _, err := ParseFleet([]byte(text)); fault.KindOf(err) != fault.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A file that ParseFleet takes can be copied into a world, or is refused, without panic.
func FuzzParseFleet(f *testing.F) {
	text, _ := small().Save()
	f.Add(text)
	f.Add([]byte(`{"schema":1,"groups":[{"account":"111122223333","region":"eu-west-1","name":"a","mixed":{"LaunchTemplate":{"Overrides":[{}]}}}]}`))
	f.Add([]byte(`{"schema":1,"groups":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		IsFleet(text)
		fleet, err := ParseFleet(text)
		if err != nil {
			if fault.KindOf(err) != fault.Usage {
				t.Errorf("%v is no usage error", err)
			}
			return
		}
		for i := range fleet.Groups {
			fleet.Groups[i].Fleet = "web"
		}
		if c, err := copyOf(fleet, web(), ""); err == nil && len(c.groups) == 0 {
			t.Error("an empty copy")
		}
	})
}
