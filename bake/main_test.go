//go:build unix

package bake

import (
	"fmt"
	"os"
	"testing"
)

// fakePackerEnv names what the test binary does when it is run as Packer.
const fakePackerEnv = "BAKE_FAKE_PACKER"

func TestMain(m *testing.M) {
	if MaybeSupervise(os.Args) {
		return
	}
	if folder := os.Getenv(runnerEnv); folder != "" {
		os.Unsetenv(runnerEnv)
		if err := runner(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if scenario := os.Getenv(fakePackerEnv); scenario != "" {
		if err := fakePacker(scenario, os.Args[1:]); err != nil {
			fmt.Println("Error: " + err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
