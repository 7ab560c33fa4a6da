//go:build !unix

package bake

import (
	"os"
	"os/exec"

	"github.com/goldenami/rehydrate/internal/fault"
)

func canSupervise() error {
	return fault.New(fault.Unsupported, "run it on Linux or macOS, or use --modelled",
		"drive Packer: this system has no process groups to end it safely by")
}

func takeLock(string) (*os.File, error) { return nil, canSupervise() }
func detach(*exec.Cmd, *os.File)        {}
func leaveGroup(*exec.Cmd)              {}
func signalGroup(int, os.Signal)        {}
func groupAlive(int) bool               { return false }
func signalOf(*os.ProcessState) string  { return "" }
