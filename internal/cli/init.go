package cli

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/examples/modelled"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

//go:embed starter/rehydrate.hcl
var starter embed.FS

func initCommand() *cli.Command {
	return command(spec{
		name: "init", usage: "write a configuration to begin with; nothing is overwritten", args: "[folder]", max: 1,
		examples: []string{"rehydrate init", "rehydrate init --modelled try-it"},
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "modelled", Usage: "write the example that runs on package data, with its world, for rehydrate run --twin --modelled"},
		},
		run: func(c *cli.Context) error {
			from, err := fs.Sub(starter, "starter")
			next := "edit it, then `rehydrate config check` and `rehydrate plan`"
			if c.Bool("modelled") {
				from, next = modelled.Files, "`rehydrate run --twin --modelled` in that folder"
			}
			if err != nil {
				return err
			}
			dir := c.Args().First()
			if dir == "" {
				dir = "."
			}
			written, err := writeNew(from, dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.App.Writer, "wrote %s\n", strings.Join(written, ", "))
			fmt.Fprintf(c.App.ErrWriter, "next: %s\n", next)
			return nil
		},
	})
}

// writeNew copies the files of a flat file system into a folder: all of them or, if
// one is there already, none.
func writeNew(from fs.FS, dir string) (written []string, err error) {
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Usage, "name another folder, or move it away", "init: %s is there already; nothing was written", name)
		}
		written = append(written, name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	for i, e := range entries {
		data, err := fs.ReadFile(from, e.Name())
		if err == nil {
			err = writeOnce(written[i], data)
		}
		if err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
	}
	if len(written) == 0 {
		return nil, fmt.Errorf("init: this program holds no %s", config.DefaultFile)
	}
	return written, nil
}

// writeOnce creates a file, never replacing one that came meanwhile.
func writeOnce(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
