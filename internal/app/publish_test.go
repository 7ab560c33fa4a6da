package app

import (
	"context"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/params/paramstest"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/publish"
)

// over is a pipeline that sees one parameter; version 0 is none.
func over(name, value string, version int64) *pipeline {
	store := params.Parameters{API: paramstest.One{Name: name, Value: value, Version: version}}
	stage := &publish.Stage{Cells: func(context.Context, publish.Cell) (publish.Ports, error) {
		return publish.Ports{Parameters: store}, nil
	}}
	return &pipeline{
		Request: Request{Config: &config.Config{}, Image: &config.Image{Label: "web"}, Cloud: &Cloud{Account: "111122223333", Region: "eu-west-1"}},
		parts:   &parts{params: store, publish: stage}, units: map[string][]string{},
	}
}

func TestUnmoved_refuses_when_the_channel_holds_another_image(t *testing.T) {
	const channel = "/golden/web/latest"
	for name, c := range map[string]struct {
		value   string
		version int64
		want    string // in the error; empty: none
	}{
		"what was published":                {"ami-new", 7, ""},
		"a later version of the same image": {"ami-new", 9, ""},
		"another image":                     {"ami-other", 8, "channel /golden/web/latest moved since: holds ami-other (version 8)"},
		"another image by an older version": {"ami-other", 6, "holds ami-other (version 6)"},
		"nothing, for somebody deleted it":  {"", 0, "moved since: holds nothing"},
	} {
		p := over(channel, c.value, c.version)
		p.doc = &record.Run{Publish: &record.Publish{Channel: channel, Image: "ami-new", Version: 7}}
		for _, stage := range []string{"roll", "patch"} {
			err := p.unmoved(t.Context(), stage)
			if c.want == "" {
				if err != nil {
					t.Errorf("%s: %s: %v", name, stage, err)
				}
				continue
			}
			if fault.KindOf(err).ExitCode() != 11 || !strings.HasPrefix(err.Error(), stage+" ami-new: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s: %v", name, stage, err)
			}
		}
	}
}

func TestRoll_reads_the_channel_before_it_plans(t *testing.T) {
	p := over("/c", "ami-other", 8)
	p.local = &engine.Local{Journal: journal.Open(journal.NewMemory(), "r1")}
	image := p.Image
	image.Rings = []string{"dev"}
	p.Config.Fleets = []*config.Fleet{{Label: "web-dev", Image: image, Ring: "dev", ASGNames: []string{"g"}, Refresh: &config.Refresh{}}}
	p.doc = &record.Run{Publish: &record.Publish{Channel: "/c", Image: "ami-new", Version: 7}}
	if _, _, err := p.roll(t.Context()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	p.Config.Fleets = []*config.Fleet{{Label: "db", Image: image, NodeTags: map[string]string{"a": "b"}, InPlace: &config.InPlace{Batch: 1}}}
	p.Config.Artifacts.Bucket = "b"
	if _, _, err := p.patch(t.Context()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestSource_reads_the_parameter(t *testing.T) {
	for name, c := range map[string]struct {
		value   string
		version int64
		kind    fault.Kind
		want    string
	}{
		"an image":            {"ami-0123456789abcdef0", 1, fault.Failed, ""},
		"no parameter":        {"", 0, fault.NotFound, "there is no parameter /source in account 111122223333"},
		"no image id":         {"latest", 1, fault.Usage, `holds "latest"`},
		"an id with wildcard": {"ami-*", 1, fault.Usage, "not the id of an image"},
	} {
		p := over("/source", c.value, c.version)
		p.Image.Source.Parameter = "/source"
		got, err := p.source(t.Context())
		if c.want == "" {
			if err != nil || got.ID != c.value || got.Name != "" {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || got.ID != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
