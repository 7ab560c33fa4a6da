// Package packer finds the Packer program and its plugins on this machine. Packer is
// only ever run, never imported.
package packer

import (
	"cmp"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Oldest is the oldest Packer that the plugins work with.
const Oldest = "1.11.0"

var versionRE = regexp.MustCompile(`(?m)^Packer v([0-9]+(?:\.[0-9]+)*)`)

// askTimeout bounds the question for a version.
const askTimeout = time.Minute

// Find is Packer on the PATH if it is new enough, else the newest one in the
// cache that `make tools` fills; "" if there is neither.
func Find(ctx context.Context, cache string) string {
	if path, err := exec.LookPath("packer"); err == nil && NewEnough(Version(ctx, path)) {
		return path
	}
	return Newest(filepath.Join(cache, "tools", "packer-[0-9]*", "packer"))
}

// Version asks a Packer program for its version; "" when it does not tell.
func Version(ctx context.Context, path string) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.Env = append(cmd.Environ(), "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	m := versionRE.FindSubmatch(out)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// NewEnough says whether a Packer version will do; an unknown one will not.
func NewEnough(version string) bool {
	return version != "" && Compare(version, Oldest) >= 0
}

// Newest is the program of the highest version among those that match a pattern
// such as .../packer-*/packer, where the folder ends in the version; "" if none does.
func Newest(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	return slices.MaxFunc(found, func(a, b string) int { return Compare(FolderVersion(a), FolderVersion(b)) })
}

// FolderVersion is the version that the folder of a program in the cache ends in.
func FolderVersion(path string) string {
	dir := filepath.Base(filepath.Dir(path))
	return dir[strings.LastIndex(dir, "-")+1:]
}

// Compare orders versions made of numbers and dots; what is no number is 0.
func Compare(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		if c := cmp.Compare(segment(x, i), segment(y, i)); c != 0 {
			return c
		}
	}
	return 0
}

func segment(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0
	}
	return n
}
