package twin_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
	"github.com/goldenami/rehydrate/internal/twin"
)

// TestOffLoopbackATwinListensWithCredentialsOnly serves on all addresses, in a network
// namespace of its own: nobody outside of it can connect.
func TestOffLoopbackATwinListensWithCredentialsOnly(t *testing.T) {
	if file := os.Getenv("TWIN_TEST_CREDENTIALS"); file != "" {
		offLoopback(file)
		return
	}
	if os.Geteuid() != 0 {
		testkit.Missing(t, "root, for a network namespace")
	}
	c := exec.Command(os.Args[0], "-test.run=^TestOffLoopbackATwinListensWithCredentialsOnly$")
	c.Env = append(os.Environ(), "TWIN_TEST_CREDENTIALS="+credentialsFile(t, twoKeys, 0o600))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"without: serve twin: \"0.0.0.0:4599\" is not a loopback address, and no credentials are set", "with: answers at http://[::]:4599", "ended: <nil>"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in: %s", want, out)
		}
	}
}

func offLoopback(file string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := twin.ServeOptions{Listen: "0.0.0.0:4599", Ready: func(endpoint string) { fmt.Println("with: answers at", endpoint); cancel() }}
	fmt.Println("without:", twin.Serve(ctx, small(""), s))
	c, err := twin.ReadCredentials(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	o := small("")
	o.Secrets, o.Keys = c.Secrets, c.Accounts
	fmt.Println("ended:", twin.Serve(ctx, o, s))
}
