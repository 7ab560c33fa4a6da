package cli

import (
	"encoding/json"
	"reflect"

	"github.com/urfave/cli/v2"
)

// writeJSON writes v, indented. A list that holds nothing is [], also one that was never
// made: programs that read an answer loop over it.
func writeJSON(c *cli.Context, v any) error {
	if l := reflect.ValueOf(v); l.Kind() == reflect.Slice && l.IsNil() {
		v = []any{}
	}
	enc := json.NewEncoder(c.App.Writer)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
