//go:build live

package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	terratest "github.com/gruntwork-io/terratest/modules/aws"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/test/witness"
)

// commandLimit is how long a command on an instance may take.
const commandLimit = 5 * time.Minute

// account is a real account that has been released for this test.
type account struct {
	aws    aws.Config
	config string
	image  *config.Image
	state  string
	bin    string
}

// open refuses every account but the one that was named for this.
func open(t *testing.T) *account {
	t.Helper()
	want := os.Getenv("REHYDRATE_LIVE_ACCOUNT")
	if want == "" {
		t.Fatal("this test changes a real account and costs money: set REHYDRATE_LIVE_ACCOUNT to the id of the account that may be used")
	}
	if e := os.Getenv("AWS_ENDPOINT_URL"); e != "" {
		t.Fatalf("AWS_ENDPOINT_URL is %s: that is not AWS; test/demo is the test for the twin", e)
	}
	a := &account{config: os.Getenv("REHYDRATE_LIVE_CONFIG"), state: t.TempDir(), bin: t.TempDir()}
	if a.config == "" {
		t.Fatal("set REHYDRATE_LIVE_CONFIG to the configuration that this test may run")
	}
	if path, err := filepath.Abs(a.config); err == nil {
		a.config = path
	}
	c, err := config.Load(a.config)
	if err != nil {
		t.Fatal(err)
	}
	var ok bool
	if a.image, ok = c.ImageNamed(os.Getenv("REHYDRATE_LIVE_IMAGE")); !ok {
		t.Fatalf("%s has no image %q: set REHYDRATE_LIVE_IMAGE", a.config, os.Getenv("REHYDRATE_LIVE_IMAGE"))
	}
	session, err := terratest.NewAuthenticatedSession(c.Region)
	if err != nil {
		t.Fatal(err)
	}
	a.aws = *session
	me, err := sts.NewFromConfig(a.aws).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatalf("ask AWS who calls: %v", err)
	}
	if got := aws.ToString(me.Account); got != want {
		t.Fatalf("the credentials are of account %s, and REHYDRATE_LIVE_ACCOUNT allows %s only: nothing was done", got, want)
	}
	return a
}

func TestLive(t *testing.T) {
	a := open(t)
	a.build(t)
	if code, _, errs := a.run(t, "run", "--until", "publish"); code != 0 {
		t.Fatalf("bake to publish: exit code %d\n%s", code, errs)
	}
	run := a.newest(t)
	if run.Bake.Skipped {
		t.Fatal("there was nothing to bake: this test would show nothing")
	}
	if code, _, errs := a.run(t, "run", "--resume", run.ID, "--from", "roll"); code != 0 {
		t.Fatalf("roll and patch: exit code %d\n%s", code, errs)
	}
	run = a.newest(t)
	w := witness.Run{Run: run, AWS: a.aws}
	t.Run("the gate found the marker in the snapshot", func(t *testing.T) {
		if v := run.Validate; v.Outcome != record.Pass || v.Marker == "" || v.Marker != run.Bake.Marker || v.Snapshot != run.Bake.Snapshot {
			t.Errorf("the gate found %q in %s, the bake planted %q in %s", v.Marker, v.Snapshot, run.Bake.Marker, run.Bake.Snapshot)
		}
	})
	t.Run("the channel holds the image", w.Channel)
	t.Run("every instance runs the image", w.Instances)
	t.Run("templates differ by their image alone", w.Templates)
	t.Run("every machine has the lock, and what the baseline leaves is pending", func(t *testing.T) { a.machines(t, run) })
	t.Run("a second run finds nothing to do", func(t *testing.T) {
		before := w.Images(t)
		code, _, errs := a.run(t, "run")
		if again := a.newest(t); code != 0 || again.ID == run.ID || !again.Bake.Skipped {
			t.Errorf("exit code %d, bake %+v\n%s", code, again.Bake, errs)
		}
		if after := w.Images(t); !maps.Equal(before, after) {
			t.Errorf("the account's images were %v, now %v", before, after)
		}
	})
}

// machines asks one instance of every group, and every node patched in place,
// through Systems Manager. Their own agent and profile must allow that.
func (a *account) machines(t *testing.T, run *record.Run) {
	var lock baseline.Lock
	readJSON(t, filepath.Join(a.state, "artifacts", run.ID, run.Bake.Files.Lock), &lock)
	var pending []string
	if list := os.Getenv("REHYDRATE_LIVE_PENDING"); list != "" {
		pending = strings.Split(list, ",")
		slices.Sort(pending)
	}
	var ids []string
	for _, r := range run.Roll {
		ids = append(ids, terratest.GetInstanceIdsForAsg(t, r.Group, run.Region)[0])
	}
	for _, p := range run.Patch {
		ids = append(ids, p.Instance)
	}
	for _, id := range ids {
		said := terratest.CheckSsmCommand(t, run.Region, id, witness.Query, commandLimit)
		witness.HasTheLock(t, &lock, witness.ParsePackages(t, said.Stdout))
		said = terratest.CheckSsmCommand(t, run.Region, id, witness.Upgrade, commandLimit)
		if got := witness.Pending(said.Stdout); !slices.Equal(got, pending) {
			t.Errorf("on %s apt-get -s dist-upgrade would install %v, want %v", id, got, pending)
		}
	}
}

// build builds the three programs beside one another, where rehydrate looks for them.
func (a *account) build(t *testing.T) {
	t.Helper()
	for _, name := range []string{"rehydrate", "rehydrate-node", "packer-plugin-rehydrate"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", filepath.Join(a.bin, name), "../../cmd/"+name)
		cmd.Env = os.Environ()
		if name == "rehydrate-node" {
			arch := "amd64"
			if a.image.Architecture == "arm64" {
				arch = "arm64"
			}
			cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
}

func (a *account) run(t *testing.T, command string, args ...string) (code int, out, errs string) {
	t.Helper()
	all := append([]string{command, "--config", a.config, "--state", a.state, "--yes"}, args...)
	cmd := exec.CommandContext(t.Context(), filepath.Join(a.bin, "rehydrate"), append(all, a.image.Label)...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("run rehydrate: %v", err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// newest is the document of the newest run; ids sort by time.
func (a *account) newest(t *testing.T) *record.Run {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(a.state, "artifacts", "*", "run.json"))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no run in %s: %v", a.state, err)
	}
	var r record.Run
	readJSON(t, slices.Max(found), &r)
	return &r
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}
