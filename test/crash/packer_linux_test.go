package crash

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/test/lab"
)

// fullEnv asks for every moment with every victim; without it a few are taken.
const fullEnv = "REHYDRATE_CRASH"

// inPacker are twenty moments of a bake: when its log says something, or when a part
// of the time has passed that an undisturbed Packer took.
var inPacker = []struct {
	line string
	part float64
}{
	{part: 0},
	{line: "Creating temporary keypair"},
	{line: "Creating temporary security group"},
	{line: "Launching a source AWS instance"},
	{line: "Instance ID"},
	{line: "Waiting for SSH to become available"},
	{part: 0.25},
	{line: "Connected to SSH"},
	{line: "rehydrate-node: Install"},
	{line: "install demo-tool"},
	{line: "Unpacking demo-tool"},
	{part: 0.5},
	{line: "bundle:"},
	{line: "Stopping the source instance"},
	{line: "Creating AMI"},
	{part: 0.7},
	{line: "Waiting for AMI to become ready"},
	{line: "Adding tags to AMI"},
	{line: "Terminating the source AWS instance"},
	{line: "Running post-processor"},
}

// victims are who is killed.
var victims = []struct {
	name string
	kill func(b *bake, t *testing.T)
}{
	{"wrapper", (*bake).killWrapper},
	{"cli", (*bake).killCLI},
	{"cli_and_twin", (*bake).killCLIAndTwin},
	{"all_but_twin", (*bake).killAll},
}

// some are the moments of an ordinary test run, by victim.
var some = map[string][]int{"wrapper": {8, 15}, "cli": {3, 17}, "cli_and_twin": {7, 14}}

func TestCrash_of_a_real_Packer_leaves_one_image_and_nothing_else(t *testing.T) {
	t.Parallel()
	full := os.Getenv(fullEnv) == "full"
	k := lab.Open(t)
	l := k.Start(t, lab.Options{RootOptions: lab.RootOptions{Archive: "127.83.0.1:8080", OwnOnly: true}})
	begun := time.Now()
	took := min(undisturbed(t, l), undisturbed(t, l)) // the first one is slow: nothing is cached
	var kills, late counter
	for _, v := range victims {
		for n, m := range inPacker {
			if !full && !slices.Contains(some[v.name], n) {
				continue
			}
			name := strings.ReplaceAll(m.line, " ", "_")
			if name == "" {
				name = fmt.Sprintf("part_%.2f", m.part)
			}
			t.Run(v.name+"/"+name, func(t *testing.T) {
				before := l.Resources(t)
				b := startBake(t, l)
				if b.reach(t, m.line, time.Duration(m.part*float64(took))) {
					v.kill(b, t)
					kills.add()
				} else {
					late.add()
				}
				killed := time.Now()
				b.finish(t)
				b.check(t, before)
				t.Logf("ended %s after the kill", time.Since(killed).Round(100*time.Millisecond))
			})
		}
	}
	if !t.Failed() {
		t.Logf("%d kills (%d came too late) in bakes of %s, all ended with one image and nothing left (%s)",
			kills.n, late.n, took.Round(100*time.Millisecond), time.Since(begun).Round(time.Second))
	}
}

// undisturbed bakes once and says how long Packer took.
func undisturbed(t *testing.T, l *lab.Lab) time.Duration {
	t.Helper()
	before := l.Resources(t)
	b := startBake(t, l)
	begun := time.Now()
	for !b.packerEnded() && time.Since(begun) < commandLimit {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begun)
	b.finish(t)
	b.check(t, before)
	return took
}
