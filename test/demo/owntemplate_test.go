package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/gruntwork-io/terratest/modules/packer"

	"github.com/goldenami/rehydrate/test/lab"
)

// ownTemplate lets terratest drive Packer itself, unmodified, with a template that
// knows nothing of rehydrate.
func (j *job) ownTemplate(t *testing.T) {
	name := "own-" + time.Now().UTC().Format("20060102-150405.000")
	t.Setenv("PATH", filepath.Dir(j.Packer)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env := j.Environment()
	env["PACKER_PLUGIN_PATH"] = j.Plugins // made by the main job's bake
	env["PACKER_CONFIG_DIR"] = t.TempDir()
	env["CHECKPOINT_DISABLE"] = "1"
	template, err := filepath.Abs("testdata/own.pkr.hcl")
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(packer.BuildArtifact(t, &packer.Options{
		Template: template, Vars: map[string]string{"region": lab.Region, "name": name, "source": j.run.Bake.SourceImage},
		Env: env, WorkingDir: t.TempDir(), DisableTemporaryPluginPath: true,
	}))
	out, err := ec2.NewFromConfig(j.AWS()).DescribeImages(t.Context(), &ec2.DescribeImagesInput{ImageIds: []string{id}})
	if err != nil || len(out.Images) != 1 {
		t.Fatalf("describe %s: %v, %v", id, out, err)
	}
	if i := out.Images[0]; *i.Name != name || i.State != "available" {
		t.Errorf("%s is named %s and %s, want %s and available", id, *i.Name, i.State, name)
	}
}
