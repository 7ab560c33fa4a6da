package bake

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

const planBaseline = `{"Name":"web-patches","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[{"Key":"PRIORITY","Values":["*"]}]},"ComplianceLevel":"HIGH"}]}}`

func planRequest() Request {
	return Request{
		Run: "run-2", Line: "web", Region: "eu-west-1", Source: ImageFilter{ID: "ami-source"},
		Baseline: json.RawMessage(planBaseline), Now: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Folder: "/run",
	}
}

func planStage(images ...Image) *Stage {
	return &Stage{
		Images: stubImages{find: func(f ImageFilter) ([]Image, error) {
			var out []Image
			for _, i := range images {
				if ok, _ := filepath.Match(f.Name, i.Name); f.ID == i.ID || f.ID == "" && ok {
					out = append(out, i)
				}
			}
			return out, nil
		}},
		Indexes: stubIndexes(func(r baseline.Repository) (string, error) { return r.IndexSHA256, nil }),
		Clock:   testClock{}, Events: event.Discard,
	}
}

var sourceImage = Image{ID: "ami-source", Name: "debian-12", State: ImageAvailable, Arch: "x86_64"}

func TestPlan_needs_a_source_image_that_can_be_used(t *testing.T) {
	for name, c := range map[string]struct {
		images []Image
		change func(*Request)
		want   string
	}{
		"unknown id":         {nil, nil, "there is no image ami-source in eu-west-1"},
		"unknown name":       {nil, func(r *Request) { r.Source = ImageFilter{Name: "debian-*", Owners: []string{"136693071363"}} }, `"debian-*" of 136693071363`},
		"no name at all":     {[]Image{sourceImage}, func(r *Request) { r.Source = ImageFilter{} }, "no source image is named"},
		"not available":      {[]Image{{ID: "ami-source", State: "deregistered"}}, nil, "is deregistered, not available"},
		"other architecture": {[]Image{sourceImage}, func(r *Request) { r.Arch = "arm64" }, "is x86_64, not arm64"},
		"bad baseline":       {[]Image{sourceImage}, func(r *Request) { r.Baseline = json.RawMessage(`{"Name":"x"}`) }, "plan the bake of web"},
		"no run":             {[]Image{sourceImage}, func(r *Request) { r.Run = "" }, "run, line and folder are needed"},
		"no template":        {[]Image{sourceImage}, func(r *Request) { r.Packer.Template = "/nonexistent.pkr.hcl" }, "read the Packer template"},
	} {
		t.Run(name, func(t *testing.T) {
			r := planRequest()
			if c.change != nil {
				c.change(&r)
			}
			_, err := planStage(c.images...).Plan(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("err = %v", err)
			}
			if k := fault.KindOf(err); k != fault.NotFound && k != fault.Usage {
				t.Errorf("kind %v", k)
			}
		})
	}
}

func TestPlan_takes_the_newest_available_image_of_a_name(t *testing.T) {
	r := planRequest()
	r.Source = ImageFilter{Name: "debian-*"}
	p, err := planStage(Image{ID: "ami-3", Name: "debian-3", State: ImagePending, Arch: "x86_64"},
		Image{ID: "ami-2", Name: "debian-2", State: ImageAvailable, Arch: "x86_64"}, Image{ID: "ami-1", Name: "debian-1", State: ImageAvailable, Arch: "x86_64"}).Plan(t.Context(), r)
	if err != nil || p.Source.ID != "ami-2" {
		t.Errorf("source %s, %v", p.Source.ID, err)
	}
}

var ec2Name = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./'@_-]{3,128}$`)

func TestImageName_is_always_one_that_EC2_takes_and_ends_with_the_run(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line, run := rapid.String().Draw(t, "line"), rapid.StringMatching(`[A-Z0-9]{1,40}`).Draw(t, "run")
		name := imageName(line, "x86_64", digest([]byte(line)), run)
		if !ec2Name.MatchString(name) || !strings.HasSuffix(name, "-"+run) {
			t.Errorf("%q", name)
		}
	})
}

func TestPlan_input_digest_follows_what_decides_the_content(t *testing.T) {
	base, err := planStage(sourceImage).Plan(t.Context(), planRequest())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Request)
		same   bool
	}{
		"another run":   {func(r *Request) { r.Run = "run-3" }, true},
		"another time":  {func(r *Request) { r.Now = r.Now.AddDate(0, 1, 0) }, true},
		"another type":  {func(r *Request) { r.InstanceType = "m5.large" }, true},
		"spaces":        {func(r *Request) { r.Baseline = json.RawMessage(" " + planBaseline) }, true},
		"other options": {func(r *Request) { r.Options.AptApprovalDelay = true }, false},
		"a pinned lock": {func(r *Request) { r.Lock = testLock() }, false},
		"a template":    {func(r *Request) { r.Packer.Template = "testdata/own.pkr.hcl" }, false},
		"a rejected patch": {func(r *Request) {
			r.Baseline = json.RawMessage(strings.Replace(planBaseline, `{"Name"`, `{"RejectedPatches":["a"],"Name"`, 1))
		}, false},
	} {
		r := planRequest()
		c.change(&r)
		p, err := planStage(sourceImage).Plan(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if same := p.InputDigest == base.InputDigest; same != c.same {
			t.Errorf("%s: same %v", name, same)
		}
	}
}

// lastBake is a bake with evidence that still gives the same lock.
func lastBake(t *testing.T) *Last {
	t.Helper()
	b, err := baseline.Parse([]byte(planBaseline))
	if err != nil {
		t.Fatal(err)
	}
	repo := baseline.Repository{ID: "main", URL: "http://127.0.0.1/debian", Suite: "bookworm", IndexSHA256: "aa"}
	offer := func(name, version string) baseline.AvailablePackage {
		return baseline.AvailablePackage{
			Package: baseline.Package{Name: name, Arch: "amd64", Version: version}, Priority: "required", Section: "libs",
			Repository: "main", Filename: name + ".deb", Size: 1, SHA256: strings.Repeat("ab", 32),
			Origins: []baseline.Origin{{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Site: "security.archive.example", Component: "main", Trusted: true}},
		}
	}
	node := baseline.Node{
		Inventory: baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: []baseline.Installed{{Package: baseline.Package{Name: "libc6", Arch: "amd64", Version: "1"}}}},
		Available: baseline.Available{Packages: []baseline.AvailablePackage{offer("libc6", "2")}, Repositories: []baseline.Repository{repo}},
	}
	lock, err := baseline.MakeLock(b, node, planRequest().Now, baseline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := planStage(sourceImage).Plan(t.Context(), planRequest())
	if err != nil {
		t.Fatal(err)
	}
	return &Last{
		Bake:   record.Bake{Image: "ami-last", SourceImage: "ami-source", InputDigest: p.InputDigest, LockIdentity: lock.Identity(), Files: record.Files{Lock: "old"}},
		Report: &record.NodeReport{Before: &node, Lock: lock},
	}
}

var lastImage = Image{ID: "ami-last", State: ImageAvailable, Tags: map[string]string{TagComplete: "true", TagLock: "l", TagReport: "r"}}

func TestPlan_skips_a_bake_only_on_proof(t *testing.T) {
	for name, c := range map[string]struct {
		images  []Image
		change  func(*Request, *Stage)
		want    string
		skip    bool
		noIdent bool // the node may not skip either
	}{
		"nothing changed":     {[]Image{sourceImage, lastImage}, nil, "lock would be identical", true, false},
		"no earlier bake":     {[]Image{sourceImage}, func(r *Request, _ *Stage) { r.Last = nil }, "no earlier bake", false, true},
		"asked for":           {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Force = true }, "in any case", false, true},
		"image is gone":       {[]Image{sourceImage}, nil, "gone or unfinished", false, true},
		"image is unfinished": {[]Image{sourceImage, {ID: "ami-last", State: ImageAvailable}}, nil, "gone or unfinished", false, true},
		"other source":        {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Bake.SourceImage = "ami-0" }, "the last bake's was ami-0", false, true},
		"other baseline":      {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Bake.InputDigest = "sha256:0" }, "not those of the last bake", false, true},
		"no evidence":         {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Report = nil }, "not at hand", false, false},
		"no repositories":     {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Report.Before.Available.Repositories = nil }, "did not record its repositories", false, false},
		"no digest":           {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Report.Before.Available.Repositories[0].IndexSHA256 = "" }, "did not record the state", false, false},
		"repository moved": {[]Image{sourceImage, lastImage}, func(_ *Request, s *Stage) {
			s.Indexes = stubIndexes(func(baseline.Repository) (string, error) { return "bb", nil })
		}, "main has changed", false, false},
		"repository silent": {[]Image{sourceImage, lastImage}, func(_ *Request, s *Stage) {
			s.Indexes = stubIndexes(func(baseline.Repository) (string, error) { return "", errors.New("no route") })
		}, "cannot be read from here: no route", false, false},
		"other packages": {[]Image{sourceImage, lastImage}, func(r *Request, _ *Stage) { r.Last.Report.Before.Available.Packages[0].Version = "3" }, "other packages", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := planRequest(), planStage(c.images...)
			r.Last = lastBake(t)
			if c.change != nil {
				c.change(&r, s)
			}
			p, err := s.Plan(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if p.Skip != c.skip || !strings.Contains(p.Reason, c.want) {
				t.Errorf("skip %v: %s", p.Skip, p.Reason)
			}
			if (p.SkipIdentity == "") != c.noIdent {
				t.Errorf("skip identity %q", p.SkipIdentity)
			}
		})
	}
}

func TestPlan_that_skips_ends_at_once_with_the_image_that_exists(t *testing.T) {
	r, s := planRequest(), planStage(sourceImage, lastImage)
	r.Last = lastBake(t)
	p, err := s.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []interface {
		Kind() string
	}{s.Packer(p), s.RunCommand(p)} {
		out := advanceAll(t, u)
		if out.Outcome != OutcomeSkipped || !out.Bake.Skipped || out.Bake.Image != "ami-last" || out.Bake.Files.Lock != "" {
			t.Errorf("%s: %+v", u.Kind(), out)
		}
	}
}
