package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	only := flag.String("only", "", "plant only the faults whose section or description holds this text")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, only string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return fmt.Errorf("making a place for the copy: %w", err)
	}
	defer os.RemoveAll(work)
	if err := copyModule(root, work); err != nil {
		return err
	}
	if out, ok := test(ctx, work); !ok {
		return fmt.Errorf("the tests fail without any fault:\n%s", out)
	}
	planted, caught := 0, 0
	for _, f := range faults {
		if !strings.Contains(f.section+" "+f.what, only) {
			continue
		}
		by, err := plant(ctx, work, f)
		if err != nil {
			return fmt.Errorf("planting %q: %w", f.what, err)
		}
		planted++
		if by == "" {
			by = "MISSED"
		} else {
			caught++
		}
		fmt.Printf("%-8s %-75s %s\n", f.section, f.what, by)
	}
	fmt.Printf("%d of %d faults caught\n", caught, planted)
	if caught*100 < planted*95 {
		return errors.New("fewer than 95 % were caught")
	}
	return nil
}

// moduleRoot is the nearest folder upwards with a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("finding the module: no go.mod in this folder or above")
		}
		dir = up
	}
}

// copyModule copies what the engine's tests need: go.mod, go.sum and baseline/.
func copyModule(root, work string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && rel != "baseline" && !strings.HasPrefix(rel, "baseline"+string(filepath.Separator)) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(work, rel), 0o755)
		}
		if !strings.HasPrefix(rel, "baseline") && rel != "go.mod" && rel != "go.sum" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(work, rel), data, 0o644)
	})
}

// plant writes one fault, runs the tests and takes the fault out again. It returns
// the first failing test, "" if none fails.
func plant(ctx context.Context, work string, f fault) (caughtBy string, err error) {
	path := filepath.Join(work, "baseline", f.file)
	good, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	bad, err := f.apply(string(good))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(bad), 0o644); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, good, 0o644)) }()
	out, ok := test(ctx, work)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if ok {
		return "", nil
	}
	if strings.Contains(out, "[build failed]") {
		return "", fmt.Errorf("it does not build, which proves nothing about the tests:\n%s", out)
	}
	return failing(out), nil
}

func test(ctx context.Context, work string) (out string, ok bool) {
	cmd := exec.CommandContext(ctx, "go", "test", "-short", "-count=1", "-timeout=120s", "./baseline", "./baseline/vectors", "./baseline/predefined")
	cmd.Dir = work
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

var failure = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)

func failing(out string) string {
	names := failure.FindAllStringSubmatch(out, -1)
	if len(names) == 0 {
		return "panic or timeout"
	}
	if n := len(names) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", names[0][1], n)
	}
	return names[0][1]
}
