package cli

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
)

var update = flag.Bool("update", false, "write the documents that tests compare with")

const exitCodesFile = "../../docs/exit-codes.md"

// exitCodes renders the table of docs/exit-codes.md from the kinds of errors.
func exitCodes() string {
	var b strings.Builder
	b.WriteString(`# Exit codes

Generated from the kinds of errors (internal/fault) by ` + "`go test ./internal/cli -update`" + `. The message on
stderr says what happened; a line "next:" says what to do. With ` + "`--output json`" + ` a failure is
one JSON object on stderr with the fields ` + "`error`, `hint` and `code`" + `.

| code | meaning | what to do |
|---|---|---|
`)
	for _, c := range fault.Codes() {
		for i, what := range c.What {
			fmt.Fprintf(&b, "| %d | %s | %s |\n", c.Code, what, c.Then[i])
		}
	}
	b.WriteString(`
Where the groups of a run, or several runs, end differently, the gravest counts: 13, then 12, then 3, then 1.
`)
	return b.String()
}

func TestTheDocumentHasEveryExitCode(t *testing.T) {
	want := exitCodes()
	if *update {
		if err := os.WriteFile(exitCodesFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(exitCodesFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/exit-codes.md is not what the kinds say: go test ./internal/cli -update")
	}
}

var codesLine = regexp.MustCompile(`Exit codes besides 0, 1 and 2: (.*)`)

// What a command's help says of its codes is what the codes mean.
func TestHelpNamesOnlyCodesThatThereAre(t *testing.T) {
	known := map[int]bool{}
	for _, c := range fault.Codes() {
		known[c.Code] = true
	}
	seen := 0
	for _, l := range leaves(t) {
		m := codesLine.FindStringSubmatch(l.cmd.Description)
		if m == nil {
			continue
		}
		for _, part := range strings.Split(m[1], ", ") {
			word, _, _ := strings.Cut(part, " ")
			n, err := strconv.Atoi(word)
			if err != nil {
				continue // the rest of a sentence with a comma
			}
			seen++
			if !known[n] || n <= 2 {
				t.Errorf("%s: exit code %d", strings.Join(l.path, " "), n)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d codes are named", seen)
	}
}
