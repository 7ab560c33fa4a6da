package postprocessor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"
)

func process(t *testing.T, id string, data any) (Manifest, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "new", "manifest.json")
	p := new(PostProcessor)
	if err := p.Configure(map[string]any{"output": out}); err != nil {
		t.Fatal(err)
	}
	a := &packersdk.MockArtifact{BuilderIdValue: "mitchellh.amazonebs", IdValue: id, StateValues: map[string]any{"generated_data": data}}
	got, keep, force, err := p.PostProcess(t.Context(), new(packersdk.MockUi), a)
	if err != nil || got != a || !keep || !force {
		t.Fatalf("artifact %v, keep %v, force %v, err %v", got, keep, force, err)
	}
	body, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	return m, string(body)
}

func TestManifest_holds_the_images_by_region(t *testing.T) {
	m, _ := process(t, "us-east-1:ami-1,eu-west-1:ami-2", nil)
	if m.Images["us-east-1"] != "ami-1" || m.Images["eu-west-1"] != "ami-2" || m.Builder != "mitchellh.amazonebs" {
		t.Errorf("%+v", m)
	}
}

func TestManifest_of_another_builder_has_no_images(t *testing.T) {
	if m, _ := process(t, "/some/file", nil); len(m.Images) > 0 || m.Artifact != "/some/file" {
		t.Errorf("%+v", m)
	}
}

func TestManifest_holds_named_values_and_never_a_secret(t *testing.T) {
	for name, data := range map[string]any{
		"as in a test":           map[string]any{"SourceAMI": "ami-0", "SSHPrivateKey": "hush", "Password": "hush", "PackerRunUUID": "u"},
		"as over the protocol":   map[any]any{"SourceAMI": "ami-0", "SSHPrivateKey": "hush", "WinRMPassword": "hush", "PackerRunUUID": "u"},
		"as bytes from the wire": map[any]any{"SourceAMI": []byte("ami-0"), "SSHPrivateKey": []byte("hush"), "PackerRunUUID": []byte("u")},
	} {
		t.Run(name, func(t *testing.T) {
			m, body := process(t, "us-east-1:ami-1", data)
			if m.Generated["SourceAMI"] != "ami-0" || m.Generated["PackerRunUUID"] != "u" || len(m.Generated) != 2 {
				t.Errorf("%+v", m.Generated)
			}
			if strings.Contains(body, "hush") {
				t.Errorf("a secret: %s", body)
			}
		})
	}
}

func TestConfigure_needs_an_output(t *testing.T) {
	if err := new(PostProcessor).Configure(map[string]any{}); err == nil {
		t.Error("no error")
	}
}
