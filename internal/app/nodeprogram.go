package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goldenami/rehydrate/internal/fault"
)

// nodeProgram finds rehydrate-node for an architecture as EC2 says it: the one that
// was named for x86_64, and one with the architecture's name beside it for others.
// A modelled node runs nothing, so a modelled run sends a stand-in and needs none.
func nodeProgram(in Request) func(arch string) (string, error) {
	if in.Modelled {
		return func(string) (string, error) { return in.State.standIn() }
	}
	return func(arch string) (string, error) {
		path := in.Tools.Node
		if arch != "x86_64" && arch != "" {
			path += "-" + arch
		}
		if _, err := os.Stat(path); err != nil {
			return "", fault.New(fault.Usage, "`make build` makes it", "rehydrate-node for %s was not found: there is no %s", arch, path)
		}
		return path, nil
	}
}

// payload is the rehydrate-node beside this program: what AWS-RunPatchBaseline runs on
// the real roots of a twin.
func payload(arch string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find rehydrate-node: %w", err)
	}
	return nodeProgram(Request{Tools: Tools{Node: filepath.Join(filepath.Dir(exe), "rehydrate-node")}})(arch)
}

// standIn is what a modelled run sends in place of rehydrate-node. On a node that is
// not modelled after all it changes nothing and fails.
const standIn = "#!/bin/sh\necho 'this run was modelled and sent no rehydrate-node: nothing was done' >&2\nexit 1\n"

// standIn writes the stand-in once; its digest is part of what a resumed run sends.
func (s State) standIn() (string, error) {
	name := filepath.Join(s.dir, "modelled-node")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	err := os.MkdirAll(s.dir, 0o755)
	if err == nil {
		err = writeFile(name, []byte(standIn))
	}
	if err != nil {
		return "", fmt.Errorf("write the stand-in for rehydrate-node: %w", err)
	}
	return name, nil
}
