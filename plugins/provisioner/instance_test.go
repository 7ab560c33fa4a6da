package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	packersdk "github.com/hashicorp/packer-plugin-sdk/packer"

	"github.com/goldenami/rehydrate/internal/record"
)

// instance is a build instance in memory: a communicator that knows the few
// commands that the provisioner may give.
type instance struct {
	packersdk.MockCommunicator

	mu       sync.Mutex
	uid      string
	files    map[string][]byte
	dirs     map[string]bool
	commands []string
	boots    int
	// node stands for rehydrate-node.
	node func(record.NodeRequest) (record.NodeReport, int)
	// fails makes the command that holds this text fail.
	fails string
	// hangs makes it not end.
	hangs string
	hung  []*packersdk.RemoteCmd
	// downTime is how long a reboot takes; the instance answers nothing meanwhile.
	downTime time.Duration
	downTill time.Time
}

func newInstance() *instance {
	return &instance{uid: "1000", files: map[string][]byte{}, dirs: map[string]bool{}, node: patched}
}

func patched(record.NodeRequest) (record.NodeReport, int) {
	l := testLock()
	return record.NodeReport{Schema: record.NodeSchema, Operation: "Install", Lock: l, LockDigest: l.Digest()}, 0
}

func (i *instance) Start(_ context.Context, cmd *packersdk.RemoteCmd) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Now().Before(i.downTill) {
		return errors.New("connection refused")
	}
	i.commands = append(i.commands, cmd.Command)
	if i.hangs != "" && strings.Contains(cmd.Command, i.hangs) {
		i.hung = append(i.hung, cmd)
		return nil
	}
	out, problem, status := i.run(cmd.Command)
	go func() {
		_, _ = io.WriteString(cmd.Stdout, out)
		_, _ = io.WriteString(cmd.Stderr, problem)
		cmd.SetExited(status)
	}()
	return nil
}

func (i *instance) run(command string) (out, problem string, status int) {
	root := i.uid == "0"
	if rest, ok := strings.CutPrefix(command, "sudo -n "); ok {
		command, root = rest, true
	}
	if rest, ok := strings.CutPrefix(command, "sh -c '"); ok {
		command = strings.TrimSuffix(rest, "'")
	}
	f := strings.Fields(command)
	switch {
	case i.fails != "" && strings.Contains(command, i.fails):
		return "", "it failed\n", 1
	case command == "id -u; id -g":
		return i.uid + "\n" + i.uid + "\n", "", 0
	case command == bootID:
		return fmt.Sprintf("boot-%d\n", i.boots), "", 0
	case strings.HasPrefix(command, "mkdir -m 0700 "):
		if i.dirs[f[3]] {
			return "", "File exists\n", 1
		}
		i.dirs[f[3]] = true
		return "", "", 0
	case strings.HasPrefix(command, "chmod 0700 "), strings.HasPrefix(command, "chown -R "):
		return "", "", 0
	case !root:
		return "", "must be root: " + command + "\n", 1
	case strings.HasPrefix(command, "rm -rf "):
		for name := range i.files {
			if strings.HasPrefix(name, f[2]+"/") {
				delete(i.files, name)
			}
		}
		for name := range i.dirs {
			if strings.HasPrefix(name, f[2]) {
				delete(i.dirs, name)
			}
		}
		return "", "", 0
	case strings.HasPrefix(command, "mkdir -p /var/lib/rehydrate"):
		i.files[MarkerPath] = i.files[f[5]]
		return "", "", 0
	case strings.Contains(command, "reboot"):
		i.boots++
		i.downTill = time.Now().Add(i.downTime)
		return "", "", packersdk.CmdDisconnect
	case len(f) > 5 && strings.HasSuffix(f[0], "/rehydrate-node"):
		var req record.NodeRequest
		if err := json.Unmarshal(i.files[f[3]], &req); err != nil {
			return "", err.Error() + "\n", 2
		}
		report, status := i.node(req)
		if report.Schema != 0 {
			i.files[f[5]], _ = json.Marshal(report)
		}
		return "", "12:00:00 reading the package lists\n", status
	}
	return "", "unknown command: " + command + "\n", 127
}

func (i *instance) Upload(to string, r io.Reader, _ *os.FileInfo) error {
	b, err := io.ReadAll(r)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files[to] = b
	return err
}

func (i *instance) Download(from string, w io.Writer) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	b, ok := i.files[from]
	if !ok {
		return os.ErrNotExist
	}
	_, err := w.Write(b)
	return err
}

// release ends what hangs.
func (i *instance) release() {
	for _, c := range i.hung {
		c.SetExited(1)
	}
}

// leftovers are the files and folders that the provisioner left, but the marker.
func (i *instance) leftovers() []string {
	var out []string
	for name := range i.files {
		if name != MarkerPath {
			out = append(out, name)
		}
	}
	for name := range i.dirs {
		out = append(out, name)
	}
	return out
}
