//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// nodeRows hold rehydrate-node to its size and its memory.
func nodeRows(ctx context.Context, env *Env) ([]Row, error) {
	var rows []Row
	for _, system := range []string{"linux/amd64", "linux/arm64", "windows/amd64"} {
		program, err := env.Build(ctx, "./cmd/rehydrate-node", system)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(program)
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{
			Task: "rehydrate-node for " + system + ", size", Unit: "MB", Bar: AtMost(10), Runs: 1,
			Ours: Side{Name: "rehydrate-node", Run: func(context.Context) (Sample, error) {
				return Sample{Value: float64(info.Size()) / 1e6}, nil
			}},
		})
	}
	root, suite, err := debianCopy(ctx, env)
	if err != nil {
		return nil, err
	}
	files, err := packageLists(root)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		total += info.Size()
	}
	roots := map[string]string{fmt.Sprintf("rehydrate-node, memory while reading %.0f MB of lists (%s)", float64(total)/1e6, suite): root}
	tasks := slices.Collect(maps.Keys(roots))
	for _, packing := range []struct{ tool, ext string }{{"gzip", ".gz"}, {"xz", ".xz"}} {
		task := fmt.Sprintf("rehydrate-node, memory while reading them in %s", packing.tool)
		if roots[task], err = packedCopy(ctx, env, root, packing.tool, packing.ext); err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	for _, task := range tasks {
		row, err := memoryRow(ctx, env, roots[task], task)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// memoryRow measures the most memory that the process ever had resident.
func memoryRow(ctx context.Context, env *Env, root, task string) (Row, error) {
	peak, err := env.Build(ctx, "./test/benchscan/peak", "")
	if err != nil {
		return Row{}, err
	}
	return Row{Task: task, Unit: "MB", Bar: AtMost(150), Runs: 3, Ours: Side{Name: "rehydrate-node Collect, without its cache", Run: func(ctx context.Context) (Sample, error) {
		if err := os.RemoveAll(root + "/var/lib/rehydrate/cache"); err != nil {
			return Sample{}, err
		}
		run := nodeCommand(ctx, root)
		cmd := exec.CommandContext(ctx, peak, run.Args...)
		cmd.Stdin, cmd.Env = run.Stdin, run.Env
		_, out, err := Timed(cmd)
		if err != nil {
			return Sample{}, err
		}
		most, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		return Sample{Value: float64(most) / 1e6}, err
	}}}, nil
}
