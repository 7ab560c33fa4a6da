// Package debroot makes roots of Debian releases, once, and keeps them: the old roots
// with real pending updates that tests and benchmarks read.
package debroot

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

//go:embed make.sh
var script string

// Make returns a root of the Debian release called suite, such as bookworm: what
// debootstrap installs from the release pocket, and apt's lists of that pocket, of
// updates and of security. It is made below cache if it is not there, in half a
// minute, from the archives that this machine's apt is configured with. Nothing may
// write to it. Progress goes to log.
func Make(ctx context.Context, cache, suite string, log io.Writer) (string, error) {
	if os.Geteuid() != 0 {
		return "", errors.New("make a Debian root: only root can")
	}
	env, err := machine(ctx)
	if err != nil {
		return "", fmt.Errorf("make a Debian root: %w", err)
	}
	sum := sha256.Sum256([]byte(script + strings.Join(env, "\n")))
	name := suite + "-" + hex.EncodeToString(sum[:])[:12]
	dir := filepath.Join(cache, "roots")
	out := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a Debian root: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "."+name+".lock"))
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("make a Debian root: %w", err)
	}
	defer lock.Unlock() //nolint:errcheck // it ends with the process at the latest
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	fresh := out + ".new" // what an interrupted run may have left
	if err := os.RemoveAll(fresh); err != nil {
		return "", fmt.Errorf("make a Debian root: %w", err)
	}
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "make", fresh, suite)
	cmd.Env = append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = io.MultiWriter(log, &said), io.MultiWriter(log, &said)
	if err := cmd.Run(); err != nil {
		return "", errors.Join(fmt.Errorf("make a root of Debian %s: %w: %s", suite, err, tail(said.String())), os.RemoveAll(fresh))
	}
	return out, os.Rename(fresh, out)
}

// machine reads where this machine's apt finds Debian's archives, as variables for
// the script.
func machine(ctx context.Context) ([]string, error) {
	targets, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt for its archives: %w", err)
	}
	at := map[string]string{}
	for line := range strings.Lines(string(targets)) {
		if w := strings.Split(strings.TrimSpace(line), "|"); len(w) == 3 && w[0] == "Debian" && at[w[1]] == "" {
			at[w[1]] = w[2]
		}
	}
	if at["Debian"] == "" || at["Debian-Security"] == "" {
		return nil, errors.New("this machine's apt knows no Debian archive: run apt-get update")
	}
	dump, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%f \"%v\";%n").Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt for its configuration: %w", err)
	}
	var proxy strings.Builder
	for line := range strings.Lines(string(dump)) {
		if strings.HasPrefix(line, "Acquire::http") && strings.Contains(line, "::Proxy") && !strings.HasSuffix(line, " \"\";\n") {
			proxy.WriteString(line)
		}
	}
	return []string{"MAIN=" + at["Debian"], "SECURITY=" + at["Debian-Security"], "PROXY=" + proxy.String()}, nil
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-500):]
}

// inside runs a program in a root that it cannot change: what it writes goes to a layer in
// memory, in a mount namespace of its own.
const inside = `set -e
mount --make-rprivate /
mount -t tmpfs layers "$0/mnt"
mkdir "$0/mnt/upper" "$0/mnt/work"
mount -t overlay overlay -o "lowerdir=$0,upperdir=$0/mnt/upper,workdir=$0/mnt/work" "$0"
exec chroot "$0" "$@"`

// Command is a program of a root, to be run in it. Others read the root at the same time:
// what the program writes, as apt does even where it only simulates, is gone after it.
func Command(ctx context.Context, root, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "sh", "-c", inside, root, program}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	return cmd
}
