package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/bake"
	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

func TestAModelledRunAsksTheTwinForTheStateOfRepositories(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case r.URL.Path != "/_twin/repositories/index" || q.Get("url") != "http://a.invalid/x?y" || q.Get("suite") != "s":
			http.NotFound(w, r)
		case q.Get("id") == "a":
			_, _ = w.Write([]byte(`{"sha256": "abc"}`))
		default:
			_, _ = w.Write([]byte(`<html>`))
		}
	}))
	defer s.Close()
	in := Request{Modelled: true, Cloud: &Cloud{Twin: s.URL}}
	repo := baseline.Repository{ID: "a", URL: "http://a.invalid/x?y", Suite: "s"}
	if sum, err := indexes(in).Digest(t.Context(), repo); err != nil || sum != "abc" {
		t.Errorf("%q, %v", sum, err)
	}
	repo.Suite = "other"
	if _, err := indexes(in).Digest(t.Context(), repo); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an unknown repository: %v", err)
	}
	repo.ID, repo.Suite = "b", "s"
	if _, err := indexes(in).Digest(t.Context(), repo); err == nil {
		t.Error("nonsense is a digest")
	}
	for _, real := range []Request{{Cloud: &Cloud{Twin: s.URL}}, {Modelled: true, Cloud: &Cloud{}}} {
		if _, ok := indexes(real).(bake.HTTPIndexes); !ok {
			t.Errorf("%+v does not ask the archives", real)
		}
	}
}

func TestAModelledNodeGetsAStandIn(t *testing.T) {
	state, err := OpenState(t.TempDir() + "/state")
	if err != nil {
		t.Fatal(err)
	}
	in := Request{Modelled: true, State: state, Tools: Tools{Node: "/nonexistent/rehydrate-node"}}
	name, err := nodeProgram(in)("arm64")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(name); err != nil || !strings.Contains(string(text), "exit 1") {
		t.Errorf("%q, %v", text, err)
	}
	if again, err := nodeProgram(in)("x86_64"); err != nil || again != name {
		t.Errorf("%s, %v", again, err)
	}
	in.Modelled = false
	if _, err := nodeProgram(in)("arm64"); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "/nonexistent/rehydrate-node-arm64") {
		t.Errorf("got %v", err)
	}
}

func TestWhatABakeLacksIsSaidBeforeIt(t *testing.T) {
	image := &config.Image{Label: "web", Builder: "packer", Architecture: "x86_64"}
	none := &record.Run{}
	for name, c := range map[string]struct {
		in    Request
		doc   *record.Run
		first int
		says  string
	}{
		"no Packer":         {Request{Image: image}, none, 0, "Packer was not found"},
		"no such Packer":    {Request{Image: image, Tools: Tools{Packer: "/nonexistent/packer"}}, none, 0, "there is no /nonexistent/packer"},
		"no node program":   {Request{Image: &config.Image{Builder: "run-command", Architecture: "x86_64"}, Tools: Tools{Node: "/nonexistent/n"}}, none, 0, "there is no /nonexistent/n"},
		"baked already":     {Request{Image: image}, &record.Run{Bake: &record.Bake{}}, 0, ""},
		"from a later on":   {Request{Image: image}, none, 1, ""},
		"on modelled nodes": {Request{Image: image, Modelled: true}, none, 0, ""},
	} {
		err := c.in.preflight(c.doc, c.first)
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
