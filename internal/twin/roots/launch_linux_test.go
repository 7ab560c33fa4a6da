package roots

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAMachineThatDoesNotBootSaysWhyAlsoWhenItIsGoneBeforeItIsHeard(t *testing.T) {
	for said, want := range map[string]string{"printf 'no root' >&3": "boot: no root", "true": "ended or did not answer"} {
		for range 20 {
			ours, theirs, err := socketPair(unix.SOCK_SEQPACKET)
			if err != nil {
				t.Fatal(err)
			}
			control, err := unixConn(ours)
			if err != nil {
				t.Fatal(err)
			}
			r := &running{control: control, heard: make(chan struct{}), ended: make(chan struct{}), exit: -1, cmd: exec.Command("/bin/sh", "-c", said)}
			r.cmd.ExtraFiles = []*os.File{theirs}
			err = r.start()
			closeAll(theirs)
			if err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(time.Minute); syscall.Kill(r.cmd.Process.Pid, 0) == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
			}
			time.Sleep(time.Millisecond) // for what follows on its end
			if err := r.awaitBoot(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", said, err, want)
			}
			<-r.ended
		}
	}
}
