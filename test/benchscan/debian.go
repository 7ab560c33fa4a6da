//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

// pendingRequest has rehydrate-node read what is installed and what the lists offer,
// as they are.
const pendingRequest = `{"schema": 1, "operation": "Collect", "noRefresh": true}`

// nodeInRoot is rehydrate-node as a program of the root.
const nodeInRoot = "/rehydrate-node"

// debianRows compare rehydrate-node with apt on a root of an old release.
func debianRows(ctx context.Context, env *Env) ([]Row, error) {
	plain, suite, err := debianCopy(ctx, env)
	if err != nil {
		return nil, err
	}
	first := Side{
		Name: "rehydrate-node Collect, without its cache",
		Also: "checks the signature of every Release file and the SHA-256 of every list, and writes the whole inventory as JSON",
		Run:  func(ctx context.Context) (Sample, error) { return nodeFirst(ctx, plain) },
	}
	again := Side{
		Name: "rehydrate-node Collect, its cache warm",
		Also: "digests every Release file and keyring, and takes from its cache who signed such a file by such keys, and what it found in a list of the digest that it states; that the list has that digest it knows by the time of change, inode and size of its file",
		Run:  func(ctx context.Context) (Sample, error) { return nodePending(ctx, plain) },
	}
	apt := func(root, name string, options ...string) Side {
		return Side{
			Name: name,
			Also: "reads descriptions too, makes its dependency cache of every package and applies pins; checks no signature and no digest",
			Run:  func(ctx context.Context) (Sample, error) { return aptUpgradable(ctx, root, options...) },
		}
	}
	rows := []Row{
		{
			Task: suite + " root, pending updates, neither with a cache", Unit: "ms", Bar: AtLeast(8), Ours: first,
			Peer: apt(plain, "apt list --upgradable, no pkgcache", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="),
		},
		{Task: suite + " root, pending updates, both with their caches warm", Unit: "ms", Bar: AtLeast(2), Ours: again, Peer: apt(plain, "apt list --upgradable, warm")},
	}
	for _, packing := range []struct {
		ext, tool, name string
		first           Bar
	}{
		// Where there is next to nothing to unpack, one SHA-256 over a list takes longer
		// than reading it by any program: those first readings are shown without a bar.
		{".gz", "gzip", "gzip (apt's GzipIndexes)", Within(2)}, {".lz4", "lz4", "lz4 (Ubuntu's images)", Shown()}, {"", "", "plain", Shown()},
	} {
		root := plain
		if packing.ext != "" {
			if root, err = packedCopy(ctx, env, plain, packing.tool, packing.ext); err != nil {
				return nil, err
			}
		}
		bare, err := bareSide(ctx, env, root)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			Row{Task: fmt.Sprintf("%s root, lists in %s, first reading, against unpacking and reading them", suite, packing.name), Unit: "ms", Bar: packing.first, Ours: withoutAnswer(first.Name, nodeFirst, root), Peer: bare},
			Row{Task: fmt.Sprintf("%s root, lists in %s, cache warm, against unpacking and reading them", suite, packing.name), Unit: "ms", Bar: Within(2), Ours: withoutAnswer(again.Name, nodePending, root), Peer: bare})
	}
	return rows, nil
}

// debianCopy makes the oldest root that is still served, as a copy that may be
// written to, with rehydrate-node in it.
func debianCopy(ctx context.Context, env *Env) (root, suite string, err error) {
	var cached string
	for _, suite = range []string{"bullseye", "bookworm"} {
		if cached, err = debroot.Make(ctx, env.Cache, suite, io.Discard); err == nil {
			break
		}
	}
	if err != nil {
		return "", "", Missing("a Debian root: %w", err)
	}
	root = filepath.Join(env.Dir, suite)
	if _, err := os.Stat(root); err == nil {
		return root, suite, nil
	}
	if err := copyRoot(ctx, cached, root); err != nil {
		return "", "", err
	}
	program, err := env.Build(ctx, "./cmd/rehydrate-node", "")
	if err != nil {
		return "", "", err
	}
	return root, suite, exec.CommandContext(ctx, "cp", program, root+nodeInRoot).Run()
}

func copyRoot(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return nil
}

// packedCopy is a copy of root whose lists are packed by tool.
func packedCopy(ctx context.Context, env *Env, root, tool, ext string) (string, error) {
	to := root + ext
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	if err := copyRoot(ctx, root, to); err != nil {
		return "", err
	}
	files, err := packageLists(to)
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath(tool); err != nil {
		return "", Missing("%w: `make tools` installs it", err)
	}
	for _, name := range files {
		packed, err := exec.CommandContext(ctx, tool, "-c", name).Output()
		if err != nil {
			return "", fmt.Errorf("%s %s: %w", tool, name, err)
		}
		if err := os.WriteFile(name+ext, packed, 0o644); err != nil {
			return "", err
		}
		if err := os.Remove(name); err != nil {
			return "", err
		}
	}
	return to, nil
}

func packageLists(root string) ([]string, error) {
	files, err := filepath.Glob(root + "/var/lib/apt/lists/*_Packages*")
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("root %s has no package lists", root)
	}
	return files, err
}

// bareSide is a program that unpacks and reads the lists of root.
func bareSide(ctx context.Context, env *Env, root string) (Side, error) {
	files, err := packageLists(root)
	if err != nil {
		return Side{}, err
	}
	program, err := env.Build(ctx, "./test/benchscan/bare", "")
	if err != nil {
		return Side{}, err
	}
	if err := exec.CommandContext(ctx, "cp", program, root+"/bare").Run(); err != nil {
		return Side{}, err
	}
	for i := range files {
		files[i] = strings.TrimPrefix(files[i], root)
	}
	return Side{
		Name: "bare read", Also: "nothing: a Go program that unpacks the lists side by side and looks at no byte of them",
		Run: func(ctx context.Context) (Sample, error) {
			ms, _, err := Timed(inRoot(ctx, root, "/bare", files...))
			return Sample{Value: ms}, err
		},
	}, nil
}

// inRoot is a command in root, with the same few variables for every side.
func inRoot(ctx context.Context, root, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "chroot", append([]string{root, program}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	return cmd
}

// withoutAnswer is a side of ours against a peer that gives no answer.
func withoutAnswer(name string, run func(context.Context, string) (Sample, error), root string) Side {
	return Side{Name: name, Run: func(ctx context.Context) (Sample, error) {
		s, err := run(ctx, root)
		return Sample{Value: s.Value}, err
	}}
}

// nodeFirst is nodePending after the node's cache was removed.
func nodeFirst(ctx context.Context, root string) (Sample, error) {
	if err := os.RemoveAll(root + "/var/lib/rehydrate/cache"); err != nil {
		return Sample{}, err
	}
	return nodePending(ctx, root)
}

// nodePending runs rehydrate-node in root; the answer is read after the clock has
// stopped.
func nodePending(ctx context.Context, root string) (Sample, error) {
	cmd := nodeCommand(ctx, root)
	ms, out, err := Timed(cmd)
	if err != nil {
		return Sample{}, err
	}
	var report record.NodeReport
	if err := json.Unmarshal(out, &report); err != nil {
		return Sample{}, fmt.Errorf("read the node's report: %w", err)
	}
	return Sample{Value: ms, Set: pendingOf(report.Before)}, nil
}

func nodeCommand(ctx context.Context, root string) *exec.Cmd {
	cmd := inRoot(ctx, root, nodeInRoot, "run", "--request", "-")
	cmd.Stdin = strings.NewReader(pendingRequest)
	return cmd
}

// pendingOf is the newest offer of every installed package that is newer than it.
func pendingOf(n *baseline.Node) []string {
	best := map[string]string{}
	for _, p := range n.Inventory.Installed {
		best[p.Name+" "+p.Arch] = p.Version
	}
	newer := map[string]bool{}
	for _, p := range n.Available.Packages {
		key := p.Name + " " + p.Arch
		if have, ok := best[key]; ok && baseline.CompareVersions(n.Inventory.OS, p.Version, have) > 0 {
			best[key], newer[key] = p.Version, true
		}
	}
	set := []string{}
	for key := range newer {
		set = append(set, key+" "+best[key])
	}
	return set
}

// aptUpgradable asks apt in root. A line is "name/suites version arch [upgradable
// from: version]".
func aptUpgradable(ctx context.Context, root string, options ...string) (Sample, error) {
	cmd := inRoot(ctx, root, "apt", append(options, "list", "--upgradable")...)
	ms, out, err := Timed(cmd)
	if err != nil {
		return Sample{}, err
	}
	set := []string{}
	for line := range strings.Lines(string(out)) {
		name, rest, ok := strings.Cut(line, "/")
		words := strings.Fields(rest)
		if ok && len(words) >= 3 && strings.Contains(rest, "[upgradable from: ") {
			set = append(set, name+" "+words[2]+" "+words[1])
		}
	}
	return Sample{Value: ms, Set: set}, nil
}
