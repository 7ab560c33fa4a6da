package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/config"
)

func TestDoctor_tries_every_account_at_the_twin(t *testing.T) {
	cfg, err := config.Load("../../examples/accounts/rehydrate.hcl")
	if err != nil {
		t.Fatal(err)
	}
	s := state(t)
	look := func() map[string]Finding {
		out := map[string]Finding{}
		for _, f := range Doctor(t.Context(), DoctorRequest{State: s, Twin: true, Modelled: true, Config: cfg,
			Cloud: func(ctx context.Context, endpoint string) (*Cloud, error) {
				return OpenCloud(ctx, cfg.Region, endpoint, "test")
			}}) {
			out[f.Name] = f
		}
		return out
	}
	if f := look()["account prod"]; f.Standing != FoundNote || !strings.Contains(f.Detail, "not tried") {
		t.Errorf("without a twin: %+v", f)
	}
	text, err := os.ReadFile("../../examples/accounts/world.json")
	if err != nil {
		t.Fatal(err)
	}
	// The world's account prod wants another external id, and nothing else matters here.
	world := strings.ReplaceAll(string(text), `"externalId": "golden-prod"`, `"externalId": "another"`)
	if world == string(text) {
		t.Fatal("the example has changed")
	}
	folder, err := filepath.Abs("../../examples/modelled")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(world, "../modelled", folder)), 0o600); err != nil {
		t.Fatal(err)
	}
	served(t, s.Twin(), World{File: name})
	found := look()
	if f := found["account stage"]; f.Standing != FoundOK {
		t.Errorf("stage: %+v", f)
	}
	if f := found["account prod"]; f.Standing != FoundMissing || !strings.Contains(f.Detail, "AccessDenied") || f.Hint == "" {
		t.Errorf("prod: %+v", f)
	}
}
