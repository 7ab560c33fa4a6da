package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// close ends the twin and looks for what it left on this machine: processes, mounts
// and listeners.
func (l *Lab) close(t testing.TB) {
	if t.Failed() {
		l.tell(t)
	}
	family, listening := l.family(), []string(nil)
	for pid := range family {
		listening = append(listening, listeners(pid)...)
	}
	r := l.stop(t)
	if r.Code != 0 {
		t.Errorf("stop the twin: exit code %d\n%s", r.Code, r.Stderr)
	}
	// A process that was told to end may take a moment to be gone.
	var left []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if left = l.left(family, listening); len(left) == 0 {
			return
		}
	}
	t.Errorf("the lab left behind on this machine:\n%s", strings.Join(left, "\n"))
}

func (l *Lab) left(family map[int]string, listening []string) (left []string) {
	for pid, born := range family {
		if p, ok := readStat(pid); ok && p.born == born {
			left = append(left, fmt.Sprintf("process %d of the twin: %s", pid, commandLine(pid)))
		}
	}
	for _, pid := range pids() {
		if strings.Contains(commandLine(pid), l.Dir) {
			left = append(left, fmt.Sprintf("process %d: %s", pid, commandLine(pid)))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts") // there is none: nothing is mounted
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, l.Dir) {
			left = append(left, "mount "+strings.TrimSpace(line))
		}
	}
	open := sockets()
	for _, a := range listening {
		for _, have := range open {
			if have == a {
				left = append(left, "listener "+a)
			}
		}
	}
	return left
}

// family are the twin's process and its descendants, with their times of birth.
func (l *Lab) family() map[int]string {
	var e struct{ PID int }
	text, err := os.ReadFile(filepath.Join(l.twin(), "endpoint.json"))
	if err != nil || json.Unmarshal(text, &e) != nil || e.PID == 0 {
		return nil // it did not start, or has ended
	}
	out := map[int]string{}
	if p, ok := readStat(e.PID); ok {
		out[e.PID] = p.born
	}
	for grew := true; grew; {
		grew = false
		for _, pid := range pids() {
			p, ok := readStat(pid)
			if _, have := out[pid]; !ok || have {
				continue
			}
			if _, child := out[p.parent]; child {
				out[pid], grew = p.born, true
			}
		}
	}
	return out
}

func pids() (out []int) {
	found, _ := filepath.Glob("/proc/[0-9]*") // a fixed pattern has no error
	for _, f := range found {
		if n, err := strconv.Atoi(filepath.Base(f)); err == nil && n != os.Getpid() {
			out = append(out, n)
		}
	}
	return out
}

type process struct {
	parent int
	born   string
}

// readStat reads /proc/<pid>/stat (proc_pid_stat(5)): fields 4 and 22. A zombie,
// which only waits for its parent, is no process any more.
func readStat(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 20 || f[0] == "Z" {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	return process{parent: parent, born: f[19]}, err == nil
}

func commandLine(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it has ended
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}

// listeners are the local addresses, as /proc/net/tcp writes them, on which a
// process listens.
func listeners(pid int) (out []string) {
	found, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	inodes := map[string]bool{}
	for _, f := range found {
		if to, err := os.Readlink(f); err == nil && strings.HasPrefix(to, "socket:[") {
			inodes[strings.Trim(to, "socket:[]")] = true
		}
	}
	eachListener(func(address, inode string) {
		if inodes[inode] {
			out = append(out, address)
		}
	})
	return out
}

func sockets() (out []string) {
	eachListener(func(address, _ string) { out = append(out, address) })
	return out
}

// eachListener reads the kernel's table of IPv4 sockets; state 0A is LISTEN.
func eachListener(f func(address, inode string)) {
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if x := strings.Fields(s.Text()); len(x) > 9 && x[3] == "0A" {
			f(x[1], x[9])
		}
	}
}
