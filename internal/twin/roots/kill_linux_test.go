package roots

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// twinForTest makes the test binary a twin that runs one machine until it is killed.
const twinForTest = "twin-for-test"

func twinMain(args []string) int {
	var m backing.Machine
	if err := json.Unmarshal([]byte(args[0]), &m); err != nil {
		fmt.Println(err)
		return 1
	}
	r, err := New(Options{Log: os.Stdout})
	if err == nil {
		err = r.Start(context.Background(), m)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	// Three generations of processes, one of which has left its session.
	fmt.Println("up")
	_, err = r.Run(context.Background(), m.ID, backing.Command{
		Script: "setsid sleep 987654 & sh -c 'sleep 987654; true' & echo running; wait", Stdout: os.Stdout,
	})
	fmt.Println("not killed:", err)
	return 1
}

func TestKillOfTheTwinLeavesNothing(t *testing.T) {
	g := newRig(t)
	m := g.spec(20)
	for round := range 3 { // it comes back on the same folder and address
		spec, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		twin := exec.Command(os.Args[0], twinForTest, string(spec))
		out, err := twin.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := twin.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "running" {
			if lines.Text() != "up" {
				t.Fatalf("round %d: twin says %s", round, lines.Text())
			}
			session := exec.Command("ssh", "-i", g.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
				"-o", "BatchMode=yes", "admin@"+m.Address.String(), "sleep 987654")
			if err := session.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = session.Wait() }() // it was cut off
		}
		eventually(t, "three sleeps", func() bool { return len(processesOf(t, "sleep\x00987654")) >= 3 })
		if err := twin.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = twin.Wait() // killed
		eventually(t, "no process", func() bool {
			return len(processesOf(t, "sleep\x00987654"))+len(processesOf(t, hiddenArg)) == 0
		})
		eventually(t, "no mount in any namespace", func() bool { return len(mountsAnywhere(t, g.dir)) == 0 })
		if c, err := net.Dial("tcp", m.Address.String()+":22"); err == nil {
			_ = c.Close()
			t.Errorf("round %d: something still listens", round)
		}
	}
	if _, err := os.Stat(filepath.Join(m.Dir, upperDir)); err != nil {
		t.Errorf("the machine's files are gone: %v", err)
	}
}

func TestLossOfTheHolderIsTold(t *testing.T) {
	g := newRig(t)
	m := g.spec(21)
	g.start(t, m)
	run, err := g.running(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if e := <-g.events; e.ID != m.ID || e.Change != backing.Lost {
		t.Errorf("told of %+v", e)
	}
	if _, err := g.Run(t.Context(), m.ID, backing.Command{Script: "true"}); err == nil {
		t.Error("a lost machine runs commands")
	}
	g.start(t, m) // and it can be started again
	g.sh(t, m.ID, "true")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// processesOf finds processes by a part of their command line, in this package's
// session only as far as the test's own binary goes: other tests may run beside.
func processesOf(t *testing.T, part string) []string {
	t.Helper()
	var found []string
	for _, f := range glob(t, "/proc/[0-9]*/cmdline") {
		b, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(b), part) && !strings.Contains(string(b), "ssh\x00") && ownBinary(filepath.Dir(f), part) {
			found = append(found, f)
		}
	}
	return found
}

// ownBinary says whether a process that runs from a memory file was made from this
// test's binary; for other parts it is true.
func ownBinary(proc, part string) bool {
	if part != hiddenArg {
		return true
	}
	mine, err1 := os.Stat(os.Args[0])
	exe, err2 := os.Stat(filepath.Join(proc, "exe"))
	return err1 == nil && err2 == nil && exe.Size() == mine.Size()
}

func mountsAnywhere(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	for _, f := range glob(t, "/proc/[0-9]*/mounts") {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), dir) {
			found = append(found, f)
		}
	}
	return found
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
