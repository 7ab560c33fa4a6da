// Command rehydrate bakes, proves, publishes and rolls patched machine images, and
// patches in place what cannot be replaced.
package main

import (
	"os"

	"github.com/goldenami/rehydrate/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
