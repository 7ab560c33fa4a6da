package worldfile_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/internal/twin/worldfile"
)

const text = `{
  "account": "111111111111", "region": "eu-west-1",
  "accounts": [{"id": "222222222222", "regions": ["us-east-1", "eu-west-1"]}],
  "images": [
    {"key": "base", "account": "136693071363", "name": "debian-12-amd64-1", "public": true, "root": "${root}", "tags": {"os": "debian"}},
    {"key": "data", "name": "modelled-1", "modelled": {"os": "DEBIAN", "product": "Debian12", "arch": "amd64", "installed": []}}
  ],
  "templates": [{"name": "web", "image": "base", "type": "t3.small", "instanceTags": {"app": "web"}, "userData": "#!/bin/sh\n",
    "data": {"MetadataOptions": {"HttpTokens": "required"}}}],
  "groups": [{"name": "web-dev", "template": "web", "min": 1, "max": 4, "desired": 2, "tags": {"ring": "dev"}, "warmup": "30s"}],
  "instances": [{"key": "db-1", "image": "base", "type": "t3.micro", "tags": {"Name": "db-1", "Patch Group": "db"}}],
  "archives": [{"listen": "127.0.0.1:8181", "dir": "archive", "host": "archive.test"}],
  "repositories": {"main": {"file": "main.json"}},
  "settle": "-1s"
}`

// groupsFunc is a Groups of one function.
type groupsFunc func(tx *world.Tx, in *autoscaling.CreateAutoScalingGroupInput) error

func (f groupsFunc) CreateGroup(tx *world.Tx, in *autoscaling.CreateAutoScalingGroupInput, _ bool) error {
	return f(tx, in)
}

func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestAWorldIsMadeOnce(t *testing.T) {
	root := newRoot(t)
	f, err := worldfile.Parse([]byte(text), "/worlds", map[string]string{"root": root})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := wiretest.World(t)
	s := ec2.New(w, nil, dir)
	var groups []*autoscaling.CreateAutoScalingGroupInput
	l := &worldfile.Loader{World: w, EC2: s, Groups: groupsFunc(func(_ *world.Tx, in *autoscaling.CreateAutoScalingGroupInput) error {
		groups = append(groups, in)
		return nil
	})}
	w.Start()
	if made, err := l.Load(f); err != nil || made != 5 {
		t.Fatalf("made %d things, %v", made, err)
	}
	if made, err := l.Load(f); err != nil || made != 0 {
		t.Fatalf("the second time it made %d things, %v", made, err)
	}
	err = w.Do("111111111111", "eu-west-1", func(tx *world.Tx) error {
		v, err := s.TemplateVersion(tx, "web", "1")
		if err != nil {
			return err
		}
		if i, err := s.ImageByID(tx, *v.Data.ImageId); err != nil || i.Owner != "136693071363" || i.User != "admin" || i.Tags["os"] != "debian" {
			t.Errorf("the template's image: %+v, %v", i, err)
		}
		if *v.Data.UserData != "IyEvYmluL3NoCg==" || v.Data.MetadataOptions.HttpTokens != "required" || *v.Data.TagSpecifications[0].Tags[0].Value != "web" {
			t.Errorf("template data: %+v", v.Data)
		}
		n := 0
		for _, i := range s.Instances(tx) {
			n++
			if i.State != "running" || i.Tags["Patch Group"] != "db" {
				t.Errorf("instance is %s with tags %v", i.State, i.Tags)
			}
		}
		if n != 1 {
			t.Errorf("%d instances", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	g := groups[0]
	if *g.DesiredCapacity != 2 || *g.LaunchTemplate.Version != "1" || len(g.AvailabilityZones) != 3 || *g.Tags[0].Key != "ring" || *g.DefaultInstanceWarmup != 30 {
		t.Errorf("group: %+v", g)
	}
	if f.Archives[0].Dir != "/worlds/archive" || f.Repositories["main"].File != "/worlds/main.json" {
		t.Errorf("paths are not the file's: %s, %s", f.Archives[0].Dir, f.Repositories["main"].File)
	}
}

func TestAThingThatCannotBeMadeIsNamedAndNothingIsMade(t *testing.T) {
	f, err := worldfile.Parse([]byte(text), ".", map[string]string{"root": newRoot(t)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w := wiretest.World(t)
	l := &worldfile.Loader{World: w, EC2: ec2.New(w, nil, dir), Groups: groupsFunc(func(*world.Tx, *autoscaling.CreateAutoScalingGroupInput) error {
		return errors.New("no capacity")
	})}
	w.Start()
	if made, err := l.Load(f); made != 0 || err == nil || !strings.Contains(err.Error(), "make group web-dev in 111111111111/eu-west-1: no capacity") {
		t.Errorf("made %d, %v", made, err)
	}
	l.Groups = groupsFunc(func(*world.Tx, *autoscaling.CreateAutoScalingGroupInput) error { return nil })
	if made, err := l.Load(f); made != 5 || err != nil {
		t.Errorf("the second time made %d, %v", made, err)
	}
}

func TestParseSaysWhatIsWrongAndWhere(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"an unknown field":           {`{"account": "1", "imagez": []}`, "unknown field imagez; there are: account,"},
		"an unknown field deep down": {`{"images": [{"key": "a"}, {"key": "b", "pubic": true}]}`, "unknown field images[1].pubic"},
		"one in the API's data":      {`{"templates": [{"name": "w", "data": {"ImageIdd": "x"}}]}`, "unknown field templates[0].data.ImageIdd"},
		"one in package data":        {`{"images": [{"modelled": {"oss": "x"}}]}`, "unknown field images[0].modelled.oss"},
		"a value that is not set":    {`{"images": [{"root": "${base}/x"}]}`, "images[0].root: ${base} is not set: give it with --set base=VALUE"},
		"an open brace":              {`{"account": "${x"}`, "account: ${ without }"},
		"a syntax error":             {"{\n\"account\": \"1\",\n}", "line 3"},
		"something after the end":    {`{} {}`, "after the world's closing brace"},
		"a bad account":              {`{"region": "r", "instances": [{"key": "a", "image": "ami-1", "account": "12"}]}`, `account "12" is not twelve digits`},
		"an image of nothing":        {`{"account": "111111111111", "region": "r", "images": [{"key": "a", "name": "abc"}]}`, "images[0] (a): give exactly one of"},
		"an unknown image":           {`{"account": "111111111111", "region": "r", "templates": [{"name": "w", "image": "bass"}]}`, `not "bass"`},
		"an unknown template":        {`{"account": "111111111111", "region": "r", "groups": [{"name": "g", "template": "w"}]}`, `groups[0] (g): there is no template "w"`},
		"an archive for everybody":   {`{"archives": [{"listen": "0.0.0.0:80", "dir": "x"}]}`, "archives[0]: listen must be a loopback address"},
		"a bad duration":             {`{"settle": "soon"}`, "soon"},
		"a wrong type":               {`{"images": 7}`, "images"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := worldfile.Parse([]byte(c.text), ".", nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := worldfile.Parse([]byte(`{}`), ".", map[string]string{"roof": "/x"}); err == nil || !strings.Contains(err.Error(), "the file has no ${roof}") {
		t.Errorf("a value that nothing uses: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte(`{"images":[{"modelled":{"installed":[{}]}}]}`))
	f.Add([]byte(`{"settle": "${x}"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := worldfile.Parse(data, "/", map[string]string{})
		if (w == nil) == (err == nil) && err == nil {
			t.Error("neither a world nor an error")
		}
	})
}

func TestArchivesAreServedUntilTheEnd(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Release"), []byte("Suite: stable\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := worldfile.Parse([]byte(`{"archives": [{"listen": "`+listen+`", "dir": "`+dir+`"}]}`), ".", nil)
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	w := wiretest.World(t)
	w.Start()
	if _, err := (&worldfile.Loader{World: w, EC2: ec2.New(w, nil, state)}).Load(f); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	wait, err := worldfile.Serve(ctx, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := worldfile.Serve(ctx, w); err == nil {
		t.Error("the same address is served twice")
	}
	res, err := http.Get("http://" + listen + "/Release")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if data, err := io.ReadAll(res.Body); err != nil || !slices.Equal(data, []byte("Suite: stable\n")) {
		t.Errorf("the archive answers %q (%v)", data, err)
	}
	cancel()
	wait()
	if _, err := net.Dial("tcp", listen); err == nil {
		t.Error("it still listens")
	}
}

func TestRepositoriesAreReadAnew(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.json")
	f, err := worldfile.Parse([]byte(`{"repositories": {"main": {"file": "main.json"}}}`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := wiretest.World(t)
	w.Start()
	if _, err := (&worldfile.Loader{World: w, EC2: ec2.New(w, nil, dir)}).Load(f); err != nil {
		t.Fatal(err)
	}
	read := worldfile.Repositories(w)
	if _, err := read("main"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a repository without its file: %v", err)
	}
	if _, err := read("other"); err == nil {
		t.Error("an unknown repository is read")
	}
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read("main"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte(`{"nonsense": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read("main"); err == nil || !strings.Contains(err.Error(), "unknown field nonsense") {
		t.Errorf("an unknown field: %v", err)
	}
}
