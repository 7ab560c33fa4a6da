package lab

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestLeftovers_are_found(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads Linux's /proc")
	}
	l := &Lab{Dir: t.TempDir()}
	if left := l.left(nil, nil); len(left) != 0 {
		t.Fatalf("nothing was started, and %v is left", left)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "read line", l.Dir) // waits, without a child of its own
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.83.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mine := listeners(os.Getpid())
	p, ok := readStat(cmd.Process.Pid)
	if !ok || p.parent != os.Getpid() {
		t.Fatalf("/proc says of our child: %+v, %v", p, ok)
	}
	left := strings.Join(l.left(map[int]string{cmd.Process.Pid: p.born}, mine), "\n")
	for _, want := range []string{"of the twin: sh -c", "process", "listener 0100537F:"} {
		if !strings.Contains(left, want) {
			t.Errorf("%q is not among what is left:\n%s", want, left)
		}
	}
	if err := socket.Close(); err != nil {
		t.Error(err)
	}
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // and says that it was killed
	if left := l.left(map[int]string{cmd.Process.Pid: p.born}, mine); slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "0100537F") || strings.Contains(s, "of the twin") }) {
		t.Errorf("all has ended, and %v is left", left)
	}
}
