package rollplan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func example() Page {
	took := Span{2 * time.Minute, 14 * time.Minute, 70 * time.Minute}
	return Page{Line: "web", Where: "account 111122223333, eu-west-1", Modelled: "the twin", Image: "ami-00000000000000002", Channel: "/golden/web/latest version 7",
		Hash: "sha256:0f1e2d3c4b5a", Tolerate: "25 % of a group's desired capacity, and 1 instance in any case", MadeAt: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC),
		Notes:  []Note{{"look", "group old follows the channel by resolve:ssm", "put it into a fleet"}},
		Quotas: []string{"40 of 64 vCPUs run of On-Demand Standard (L-1216C47A): it fits"},
		Rings: []Ring{
			{Name: "dev", Soak: 10 * time.Minute, Took: took, Surge: "0 instance-hours", Groups: []Group{
				{Name: "web-dev", Fleet: "web-dev", Desired: 2, Floor: 1, Ceiling: 2, Replace: 2, From: "ami-1", To: "ami-2", Template: "version 3 of lt-1",
					Diff: []string{"ImageId: ami-1 → ami-2"}, Checkpoints: "50 %", Took: took, Surge: "none", Room: "500 addresses free", Alone: "goes on to its end"},
				{Name: "done", Fleet: "web-dev", Desired: 3, Floor: 3, Ceiling: 3, To: "ami-2", Nothing: true}}},
			{Name: "prod", Took: Span{time.Hour, 3 * time.Hour, 9 * time.Hour}, Surge: "about 4.5 instance-hours, 0.45 USD", Window: "opens 2026-03-10 22:00 UTC, closes 2026-03-11 04:00 UTC", Late: true,
				Groups: []Group{{Name: "web-prod", Cell: "222233334444/us-east-1", Fleet: "web", Desired: 60, Floor: 54, Ceiling: 66, WithoutZone: 34, Replace: 60,
					Template: "version 9 of lt-2", Diff: []string{"ImageId: ami-1 → ami-2"}, Checkpoints: "10 % and 50 %", Took: took, Surge: "about 4.5 instance-hours",
					Anyway: []string{"instances are replaced after 7 days (maximum instance lifetime)"},
					Notes:  []Note{{"refused", "its process Launch is suspended; a refresh would hang", "resume it"}, {"note", "it has a warm pool", ""}}}}},
		}}
}

func TestThePageIsAsItWasLookedAt(t *testing.T) {
	var b strings.Builder
	if err := HTML(&b, example()); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "plan.html")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Error(d)
	}
}

func TestThePageNeedsNothingFromOutside(t *testing.T) {
	var b strings.Builder
	if err := HTML(&b, example()); err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"<script", "http://", "https://", "url(", "@import", "src="} {
		if strings.Contains(b.String(), no) {
			t.Errorf("the page has %q", no)
		}
	}
}

func TestHostileNamesStayText(t *testing.T) {
	p := example()
	evil := `"><script>alert(1)</script>`
	p.Line, p.Image, p.Rings[0].Name, p.Rings[0].Groups[0].Name, p.Notes[0].Text, p.Rings[0].Groups[0].Diff[0] = evil, evil, evil, evil, evil, evil
	var b strings.Builder
	if err := HTML(&b, p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>") {
		t.Error("a name became a script")
	}
}

func TestManyGroupsAreCountedAndNotAllDrawn(t *testing.T) {
	p := example()
	for i := range 100 {
		p.Rings[0].Groups = append(p.Rings[0].Groups, Group{Name: fmt.Sprint("g", i), Desired: 1, Ceiling: 1})
	}
	p.Rings[0].More = 5
	if got := lanes(p, p.Rings[0]); len(got.Lanes) != maxLanes || got.More != 102-maxLanes+5 {
		t.Errorf("%d lanes, %d more", len(got.Lanes), got.More)
	}
	var b strings.Builder
	if err := HTML(&b, p); err != nil || !strings.Contains(b.String(), "108 in 2 rings") || !strings.Contains(b.String(), "And 5 more groups") {
		t.Errorf("%v", err)
	}
}

func TestBarsOfGroupsOfOneNameNameTheirCell(t *testing.T) {
	p := Page{Rings: []Ring{
		{Name: "dev", Groups: []Group{{Name: "web", Cell: "1/eu"}, {Name: "db", Cell: "1/eu"}}},
		{Name: "prod", Groups: []Group{{Name: "web", Cell: "2/eu"}, {Name: "web"}}}}}
	var names []string
	for _, r := range p.Rings {
		for _, l := range lanes(p, r).Lanes {
			names = append(names, l.Name)
		}
	}
	if d := cmp.Diff([]string{"1/eu web", "db", "2/eu web", "web"}, names); d != "" {
		t.Error(d)
	}
}

func TestDurationsAreSaidAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min", 90 * time.Minute: "1 h 30 min",
		2 * time.Hour: "2 h", 26*time.Hour + 20*time.Minute: "1 d 2 h"} {
		if got := Round(d); got != want {
			t.Errorf("%s: %q", d, got)
		}
	}
	if got := (Span{}).String(); got != "no time" {
		t.Error(got)
	}
}

func TestAPlanOfNothingIsAPageToo(t *testing.T) {
	var b strings.Builder
	if err := HTML(&b, Page{Line: "web", Image: "ami-1"}); err != nil || !strings.Contains(b.String(), "Nothing stands in the way") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
