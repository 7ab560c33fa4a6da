//go:build linux

// Command peak runs a command and prints the most memory that it had resident, in
// bytes, in place of its output. Linux counts for a process what its parent had at
// the moment of the exec, so the parent has to be as small as this.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "peak: %v\n", err)
		os.Exit(1)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		fmt.Fprintln(os.Stderr, "peak: the system does not say")
		os.Exit(1)
	}
	fmt.Println(usage.Maxrss * 1024)
}
