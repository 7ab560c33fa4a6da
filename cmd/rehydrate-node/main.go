// Command rehydrate-node collects, scans and patches the machine it runs on: JSON
// in, JSON out. It is static and needs nothing on the node but its package manager.
//
//	rehydrate-node run --request FILE [--report FILE]
//	rehydrate-node version
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
)

// version is set by the build: -ldflags '-X main.version=…'.
var version = "dev"

const usage = `usage: rehydrate-node run --request FILE [--report FILE]
       rehydrate-node version
FILE may be -: the request from standard input, the report to standard output.`

func main() {
	collectLate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintf(os.Stderr, "rehydrate-node: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(os.Stderr, "hint: %s\n", hint)
	}
	os.Exit(fault.KindOf(err).ExitCode())
}

// firstCollection is the size of the heap, in percent of Go's least one of 4 MB, at
// which garbage is collected for the first time.
const firstCollection = 800

// collectLate lets a scan, which is over in milliseconds and leaves little garbage,
// end before any is collected. Whatever grows beyond that is collected as usual.
func collectLate() {
	usual := debug.SetGCPercent(firstCollection)
	if usual != 100 {
		debug.SetGCPercent(usual) // somebody has set GOGC
		return
	}
	// What is garbage from the begin is found by the first collection.
	runtime.AddCleanup(new([64]byte), func(usual int) { debug.SetGCPercent(usual) }, usual)
}

func command(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	if len(args) == 0 {
		return fault.New(fault.Usage, "", "%s", usage)
	}
	switch args[0] {
	case "version":
		_, err := fmt.Fprintf(out, "rehydrate-node %s %s/%s\n", version, runtime.GOOS, runtime.GOARCH)
		return err
	case "run":
		return run(ctx, args[1:], in, out, errs)
	}
	return fault.New(fault.Usage, usage, "unknown command %q", args[0])
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	request := flags.String("request", "", "file with the request")
	report := flags.String("report", "-", "file for the report")
	if err := flags.Parse(args); err != nil {
		return fault.As(err, fault.Usage, usage)
	}
	if *request == "" || flags.NArg() > 0 {
		return fault.New(fault.Usage, usage, "run needs --request FILE and takes no further argument")
	}
	req, err := readRequest(*request, in)
	if err != nil {
		return err
	}
	if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
		return fault.New(fault.Unsupported, "", "rehydrate-node run is not supported on %s", runtime.GOOS)
	}
	say := func(format string, args ...any) {
		fmt.Fprintf(errs, "%s "+format+"\n", append([]any{time.Now().UTC().Format("15:04:05")}, args...)...)
	}
	rep, err := node.RunLocal(ctx, req, say)
	if rep == nil {
		return err
	}
	return errors.Join(err, writeReport(*report, rep, out))
}

// readRequest reads strictly: a field that this version does not know might be a
// restriction that it would ignore.
func readRequest(name string, in io.Reader) (record.NodeRequest, error) {
	var req record.NodeRequest
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return req, fault.As(fmt.Errorf("read request: %w", err), fault.Usage, "")
		}
		defer f.Close()
		in = f
	}
	dec := json.NewDecoder(in)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return req, fault.As(fmt.Errorf("read request %s: %w", name, err), fault.Usage, "")
	}
	return req, nil
}

// writeReport writes the report whole or not at all, readable by everyone: whoever
// fetches it need not be root.
func writeReport(name string, rep *record.NodeReport, out io.Writer) (err error) {
	text, err := json.Marshal(rep) // in one line: programs read it, by the thousand
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	text = append(text, '\n')
	if name == "-" {
		_, err := out.Write(text)
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".report-*") // mode 0600 while incomplete
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write report %s: %w", name, err)
	}
	return nil
}
