//go:build unix

package bake

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/testkit"
)

// versionForm is a released version.
var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// realPacker gives Packer with the amazon plugin and ours.
func realPacker(t *testing.T) Packer {
	t.Helper()
	packer, amazon := testkit.Packer(t).Path, testkit.AmazonPlugin(t).Path
	ours := filepath.Join(t.TempDir(), "packer-plugin-rehydrate")
	if out, err := exec.Command("go", "build", "-o", ours, "../cmd/packer-plugin-rehydrate").CombinedOutput(); err != nil {
		t.Fatalf("build our plugin: %v\n%s", err, out)
	}
	return Packer{
		Path: packer, PluginFolder: filepath.Join(t.TempDir(), "plugins"), NodeBinary: os.Args[0], SSHUser: "admin",
		Plugins: []Plugin{{"github.com/hashicorp/amazon", amazon}, {"github.com/goldenami/rehydrate", ours}},
		Env:     []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"},
	}
}

func TestRealPacker_accepts_the_template_with_plugins_installed_offline(t *testing.T) {
	b := newBench(t, "good")
	b.plan.Request.Packer = realPacker(t)
	b.plan.Request.FirstSeen = map[string]time.Time{"hello=2": time.Now()}
	b.plan.Request.Lock = testLock()
	b.plan.Request.Subnet = "subnet-1"
	b.plan.Request.Tags = map[string]string{"cost": "${literally} %{this}"}
	// Without an endpoint, Packer would ask AWS whether the region exists.
	b.plan.Request.Packer.Endpoint = "http://127.0.0.1:1"
	s := &State{Attempt: 1, Marker: "m"}
	r := packerRun{run{b.stage, b.plan}}
	for range 2 { // the second time, the plugins are there
		if _, err := r.prepare(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("packer %s, amazon %s, rehydrate ", testkit.Packer(t).Version, testkit.AmazonPlugin(t).Version)
		if ours, ok := strings.CutPrefix(s.Builder, want); !ok || !versionForm.MatchString(ours) {
			t.Errorf("builder %q, want %q and our version", s.Builder, want)
		}
	}
	packer := b.plan.Request.Packer
	if err := packer.locate(); err != nil {
		t.Fatal(err)
	}
	out, err := packer.run(t.Context(), t.TempDir(), "validate", filepath.Join(r.folder(s), templateFile))
	if err != nil || !strings.Contains(out, "valid") {
		t.Errorf("validate: %v\n%s", err, out)
	}
}

func TestRealPacker_gives_a_users_own_template_its_variables(t *testing.T) {
	b := newBench(t, "good")
	b.plan.Request.Packer = realPacker(t)
	b.plan.Request.Packer.Endpoint = "http://127.0.0.1:1"
	b.plan.Request.Packer.Template = "testdata/own.pkr.hcl"
	s := &State{Attempt: 1, Marker: "m"}
	r := packerRun{run{b.stage, b.plan}}
	env, err := r.prepare(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(b.plan.Request.Packer.Path, "validate", "testdata/own.pkr.hcl")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("validate: %v\n%s", err, out)
	}
}

// Packer is a wrapper, a child and one process per component. When both the
// supervisor and the wrapper are killed, the child goes on, and a resumed run must
// find it.
func TestRealPacker_whose_wrapper_and_supervisor_are_killed_is_found_and_ended(t *testing.T) {
	t.Parallel()
	packer := realPacker(t)
	packer.Plugins = nil
	p := process{t.TempDir()}
	alive := filepath.Join(p.folder, "alive")
	template := filepath.Join(p.folder, templateFile)
	body := mustJSON(object{
		"source": object{"null": object{"x": object{"communicator": "none"}}},
		"build": object{"sources": []string{"source.null.x"}, "provisioner": []object{{"shell-local": object{
			"inline": []string{"echo $$ >" + alive, "exec sleep 300"},
		}}}},
	})
	if err := os.WriteFile(template, body, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := p.start(os.Args[0], spec{Command: []string{packer.Path, "build", "-color=false", template}, Dir: p.folder, Grace: 20 * time.Second}, packer.environment(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the provisioner to run", func() bool {
		_, err := os.Stat(alive)
		return err == nil
	})
	var r running
	if err := readJSON(filepath.Join(p.folder, processFile), &r); err != nil {
		t.Fatal(err)
	}
	// A stopped wrapper forwards nothing.
	for _, k := range []struct {
		pid    int
		signal syscall.Signal
	}{{r.Group, syscall.SIGSTOP}, {r.Supervisor, syscall.SIGKILL}, {r.Group, syscall.SIGKILL}} {
		if err := syscall.Kill(k.pid, k.signal); err != nil {
			t.Fatal(err)
		}
	}
	<-c.ended
	if held, err := p.held(); !held || err != nil {
		t.Fatalf("Packer's child was not found alive (%v)", err)
	}
	if err := p.end(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if held, err := p.held(); held || err != nil {
		t.Errorf("something still lives (%v)", err)
	}
	pid, err := os.ReadFile(alive)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the provisioner's own process to end", func() bool {
		n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestTemplate_refuses_values_that_Packer_would_interpret(t *testing.T) {
	b := newBench(t, "good")
	b.plan.Request.Tags = map[string]string{"owner": "{{ user `x` }}"}
	if _, err := b.plan.template(t.TempDir(), "m"); err == nil || !strings.Contains(err.Error(), "tags.owner") {
		t.Errorf("err = %v", err)
	}
}

func TestTemplate_keeps_strangers_out_by_default(t *testing.T) {
	b := newBench(t, "good")
	o, err := b.plan.amazonEBS()
	if err != nil {
		t.Fatal(err)
	}
	var cidrs []string
	if err := json.Unmarshal(mustJSON(o["temporary_security_group_source_cidrs"]), &cidrs); err != nil || len(cidrs) == 0 {
		t.Fatalf("source ranges %v: %v", cidrs, err)
	}
	for _, c := range cidrs {
		if strings.HasPrefix(c, "0.0.0.0") {
			t.Errorf("the build instance is open to %s", c)
		}
	}
}
