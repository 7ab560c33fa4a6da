package rehearse

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

func reported() *Report {
	s := Series{Desired: 4, Lowest: 3, LowestAt: 60, Points: []Point{{0, 4, 0, 4}, {60, 3, 1, 4}, {120, 4, 4, 4}}}
	return &Report{Schema: ReportSchema, Modelled: modelledWords, Line: "web", Source: "<a test>", Image: "ami-1", StandIn: true, Faults: []string{"no <capacity>"}, Seconds: 120,
		Outcome: rollout.RolledBack, Message: "roll <b>", All: s, Rings: []Ring{{Name: "dev", Groups: 1, Moved: true, To: 60, Series: s}, {Name: "<prod>", Groups: 1, Failed: 1, Series: s}},
		Groups: []Result{{Account: "111122223333", Region: "eu-west-1", Ring: "dev", Group: "web<script>", Min: 2, Outcome: rollout.RolledBack, Text: "why & how", Series: s}},
		Calls:  map[string]int{"ec2:DescribeInstances": 3}, Requests: 3, Replaced: 6, Notes: []string{"networks"}}
}

func TestEveryFormatSaysThatItIsModelled(t *testing.T) {
	for _, format := range Formats {
		var b strings.Builder
		if err := Write(&b, format, reported()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"odelled", "nothing was written to AWS", "rolled", "web"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s does not say %q:\n%s", format, want, b.String())
			}
		}
	}
	if err := Write(io.Discard, "pdf", reported()); fault.KindOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestTheTableShowsRingsGroupsAndCalls(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "table", reported()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 of 4 in service at the lowest (75.0 %), 1m into it", "0.50 for each of 6 replaced instances", "no <capacity>", "1 of 0 allowed", "why & how", "which stands for the next image"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
}

func TestJSONReadsBack(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "json", reported()); err != nil {
		t.Fatal(err)
	}
	var got Report
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got.All.Lowest != 3 || len(got.Rings) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestThePageStandsAloneAndEscapesWhatItIsGiven(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "html", reported()); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"<script", "http://", "https://", "<link", "@import", "url("} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	pictures := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(text, -1)
	if len(pictures) != 4 { // all, two rings, one group
		t.Errorf("%d pictures", len(pictures))
	}
	for _, p := range pictures {
		d := xml.NewDecoder(strings.NewReader(p))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, p)
			}
		}
		if strings.Contains(p, "NaN") || strings.Contains(p, "Inf") {
			t.Errorf("%s", p)
		}
	}
}

func TestAPlotOfOddSeriesIsStillAPlot(t *testing.T) {
	for name, s := range map[string]Series{"nothing": {}, "one point": {Points: []Point{{0, 0, 0, 0}}}, "zero wanted": {Desired: 0, Points: []Point{{0, 0, 0, 0}, {10, 5, 5, 0}}},
		"weeks": {Desired: 1, Points: []Point{{0, 1, 0, 1}, {3e6, 1, 1, 1}}}, "many": {Desired: 1000000, Points: []Point{{0, 1000000, 0, 1000000}, {1, 5, 5, 5}}}} {
		p := string(plot(s, 0, name, nil, ""))
		if len(p) > 20000 || strings.Contains(p, "NaN") || len(s.Points) > 0 && !strings.HasSuffix(p, "</svg>") {
			t.Errorf("%s: %s", name, p)
		}
		if q := string(spark(s, 0, nil)); strings.Contains(q, "NaN") {
			t.Errorf("%s: %s", name, q)
		}
	}
}

func TestTheErrorIsWhatTheRollWouldEndWith(t *testing.T) {
	for outcome, code := range map[string]int{rollout.Done: 0, rollout.NothingToDo: 0, rollout.RolledBack: 12, rollout.Halted: 13, rollout.Partial: 3, "refused": 11, rollout.Failed: 1} {
		r := reported()
		r.Outcome = outcome
		err := r.Err()
		if (err == nil) != (code == 0) || err != nil && fault.KindOf(err).ExitCode() != code {
			t.Errorf("%s: %v", outcome, err)
		}
	}
}
