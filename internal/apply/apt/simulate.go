package apt

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/record"
)

// ParseSimulation reads the output of apt-get --simulate:
//
//	Inst name [old] (new origin [arch]) [broken …]
//	Remv name [old]
//
// Other lines are for people. An Inst or Remv line in another form is an error,
// because an unread removal would go unnoticed.
func ParseSimulation(out []byte) (apply.Simulation, error) {
	var sim apply.Simulation
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		var c record.Change
		switch kind {
		case "Inst":
			name, tail, _ := strings.Cut(rest, " ")
			if strings.HasPrefix(tail, "[") {
				old, after, ok := strings.Cut(tail[1:], "]")
				if !ok {
					return sim, unread(lines.Text())
				}
				c.From, tail = old, strings.TrimSpace(after)
			}
			// The origin in between is the archive's own text; it may hold brackets.
			inner, _, ok := strings.Cut(strings.TrimPrefix(tail, "("), "])")
			at := strings.LastIndex(inner, " [")
			if !ok || !strings.HasPrefix(tail, "(") || at < 0 {
				return sim, unread(lines.Text())
			}
			c.To, _, _ = strings.Cut(inner, " ")
			c.Arch = inner[at+2:]
			c.Name, _, _ = strings.Cut(name, ":")
			if c.Name == "" || c.To == "" || c.Arch == "" {
				return sim, unread(lines.Text())
			}
			sim.Install = append(sim.Install, c)
		case "Remv", "Purg":
			name, tail, _ := strings.Cut(rest, " ")
			c.Name, c.Arch, _ = strings.Cut(name, ":")
			if old, ok := strings.CutPrefix(tail, "["); ok {
				c.From, _, _ = strings.Cut(old, "]")
			}
			if c.Name == "" {
				return sim, unread(lines.Text())
			}
			sim.Remove = append(sim.Remove, c)
		}
	}
	return sim, lines.Err()
}

func unread(line string) error {
	return fmt.Errorf("read apt-get's simulation: line %.200q is in no known form", line)
}
