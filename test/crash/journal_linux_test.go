package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/test/lab"
)

// journalBucket is where the runs of these worlds are recorded.
const journalBucket = "golden-journal"

// apart is a world with a twin that is nobody's own, and machines that share nothing
// but a bucket in it.
type apart struct {
	*world
	config string
}

// newApart serves the example's world, with a bucket for the journal, and writes the
// example's configuration with a journal block.
func newApart(t testing.TB) *apart {
	t.Helper()
	w := &world{dir: folder(t), Lab: &lab.Lab{}}
	a := &apart{world: w, config: filepath.Join(w.dir, "rehydrate.hcl")}
	edit := func(name, old, fresh string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Fatal(err)
		}
		if old != "" && !bytes.Contains(text, []byte(old)) {
			t.Fatalf("%s does not say %s", name, old)
		}
		if err := os.WriteFile(filepath.Join(w.dir, name), bytes.Replace(text, []byte(old), []byte(fresh), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("image.json", "", "")
	edit("repository.json", "", "")
	edit("world.json", `"buckets": ["demo-artifacts"]`, `"buckets": ["demo-artifacts", "`+journalBucket+`"]`)
	edit("rehydrate.hcl", `region = "eu-west-1"`, "region = \"eu-west-1\"\njournal {\n  bucket = \""+journalBucket+"\"\n  prefix = \"golden\"\n}\n")
	dir := filepath.Join(w.dir, "twin")
	p := w.rehydrate(t, "twin", "serve", "--listen", "127.0.0.1:0", "--state", dir, "--world", filepath.Join(w.dir, "world.json"))
	for limit := time.Now().Add(worldLimit); w.Endpoint == ""; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "endpoint.json")); err == nil {
			w.Endpoint, _ = twinOf(t, dir)
		} else if time.Now().After(limit) {
			t.Fatalf("the twin does not answer:\n%s", p.said())
		}
	}
	t.Cleanup(func() { w.rehydrate(t, "twin", "stop", "--state", dir).code(t) })
	return a
}

// on runs a command on a machine: a process with a state folder of its own, which
// knows nothing but the configuration and where AWS is.
func (a *apart) on(t testing.TB, machine, command string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{command, "--config", a.config, "--state", filepath.Join(a.dir, machine)}
	cmd := exec.Command(self, append(all, args...)...)
	cmd.Env = append(os.Environ(), cliEnv+"=1", "AWS_ENDPOINT_URL="+a.Endpoint, "AWS_ACCESS_KEY_ID=twin", "AWS_SECRET_ACCESS_KEY=twin", "AWS_EC2_METADATA_DISABLED=true")
	return start(t, cmd)
}

// once says of the twin's own log that every instance that a group had when the first
// refresh began was ended once, and that each was replaced by one that stays.
func (a *apart) once(t testing.TB) {
	t.Helper()
	began, members := false, map[string]bool{}
	ended, replaced := map[string]int{}, map[string]int{}
	image := "" // the old one
	for _, e := range a.Events(t, 0) {
		if e.Kind == "refresh.status" {
			began = true
		}
		if e.Kind != "ec2.instance.state" {
			continue
		}
		var i struct{ Instance, Image, State string }
		if err := json.Unmarshal(e.Data, &i); err != nil {
			t.Fatal(err)
		}
		id, of, state := i.Instance, i.Image, i.State
		switch {
		case image == "":
			image = of // the long-lived node comes first and is of no group
		case !began && state == "running":
			members[id] = true
		case !began && state == "terminated":
			delete(members, id) // the machine of the bake
		case began && state == "shutting-down":
			ended[id]++
		case began && state == "running":
			replaced[id]++
			if of == image {
				t.Errorf("%s came up on the old image", id)
			}
		}
	}
	want := 0
	for _, size := range sizes {
		want += size
	}
	if len(members) != want || len(ended) != want || len(replaced) != want {
		t.Errorf("%d members, %d ended, %d replacements, want %d of each", len(members), len(ended), len(replaced), want)
	}
	for id, n := range ended {
		if !members[id] || n != 1 {
			t.Errorf("%s, a member before the roll: %t, was ended %d times", id, members[id], n)
		}
	}
}

// objects are the keys in the journal's bucket.
func (a *apart) objects(t testing.TB) (keys []string) {
	t.Helper()
	client := s3.NewFromConfig(a.AWS(), func(o *s3.Options) { o.UsePathStyle = true })
	for p := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(journalBucket)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	return keys
}

// seeded are how many more moments a roll is killed at, after a line of its output and
// a while that the seed gives.
const seeded = 6

func TestCrash_with_the_journal_in_S3_another_machine_goes_on_and_replaces_every_instance_once(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("processes of their own: left out by -short")
	}
	type moment struct {
		name string
		wait func(*testing.T, *process) bool
	}
	var all []moment
	for _, m := range moments {
		all = append(all, moment{m.name, func(t *testing.T, p *process) bool { return p.until(t, regexp.MustCompile(m.line)) }})
	}
	for seed := range uint64(seeded) {
		r := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // moments, no secrets
		lines, pause := 1+r.IntN(12), time.Duration(r.IntN(15))*time.Millisecond
		all = append(all, moment{fmt.Sprintf("seed_%d_line_%d", seed, lines), func(t *testing.T, p *process) bool {
			ok := p.until(t, regexp.MustCompile(`(?s)(?: roll/.*?){`+fmt.Sprint(lines)+`}`))
			time.Sleep(pause) // in real time: the process runs in it
			return ok
		}})
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			a := newApart(t)
			p := a.on(t, "first", "run", "--modelled", line)
			if !m.wait(t, p) {
				t.Fatalf("the run ended before its moment:\n%s", p.said())
			}
			p.kill()
			p.code(t)
			first := p.said()
			// The folder of the first machine is gone with it.
			if err := os.RemoveAll(filepath.Join(a.dir, "first")); err != nil {
				t.Fatal(err)
			}
			p = a.on(t, "second", "run", "--modelled", "--resume", "latest", line)
			if p.code(t) != 0 {
				t.Fatalf("exit code %d:\n%s\nthe first machine said:\n%s", p.code(t), p.said(), first)
			}
			a.facts(t).check(t)
			a.once(t)
			state, err := app.OpenState(filepath.Join(a.dir, "second"))
			if err != nil {
				t.Fatal(err)
			}
			a.state = state
			if r, err := state.Load(a.only(t)); err != nil || r.Outcome != "done" {
				t.Errorf("outcome %+v, %v", r, err)
			}
			// A third machine sees it as well.
			h := a.on(t, "third", "history")
			if h.code(t) != 0 || !strings.Contains(h.said(), a.only(t)) || !strings.Contains(h.said(), "done") {
				t.Errorf("history elsewhere:\n%s", h.said())
			}
			for _, k := range a.objects(t) {
				if !strings.HasPrefix(k, "golden/") || strings.Contains(k, "packer") {
					t.Errorf("the bucket holds %s", k)
				}
			}
		})
	}
}

func TestCrash_with_the_journal_in_S3_a_paused_process_that_wakes_beside_its_successor_stops(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a process is paused for half a minute: left out by -short")
	}
	a := newApart(t)
	first := a.on(t, "first", "run", "--modelled", line)
	if !first.until(t, regexp.MustCompile(`started instance refresh \S+ of web-prod`)) {
		t.Fatalf("the run ended too early:\n%s", first.said())
	}
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(-first.cmd.Process.Pid, s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	// A new run is kept away, and is told by whom.
	other := a.on(t, "other", "run", "--modelled", line)
	if code := other.code(t); code != 11 || !strings.Contains(other.said(), "is leased until") {
		t.Errorf("exit code %d:\n%s", code, other.said())
	}
	// The same run waits for the lease to end, and goes on.
	second := a.on(t, "second", "run", "--modelled", "--resume", "latest", line)
	if code := second.code(t); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, second.said())
	}
	signal(syscall.SIGCONT)
	if code := first.code(t); code != 11 || !regexp.MustCompile("was taken by run|another executor is ahead").MatchString(first.said()) {
		t.Errorf("the one that was paused: exit code %d:\n%s", code, first.said())
	}
	a.facts(t).check(t)
	a.once(t)
	// What the paused one thought of its end is not what the run's document says.
	h := a.on(t, "third", "history")
	if h.code(t) != 0 || !strings.Contains(h.said(), " done ") {
		t.Errorf("history:\n%s", h.said())
	}
}
