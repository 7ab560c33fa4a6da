package event

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Plain writes one line an event for people and logs: the time on the run's clock,
// the stage, a mark and the text. Output of tools is shown only when verbose.
func Plain(w io.Writer, verbose bool) Sink {
	var mu sync.Mutex
	return Func(func(e Event) {
		if e.Kind == Output && !verbose {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		// A listener never fails a run: a closed terminal is nobody's error.
		_, _ = fmt.Fprintln(w, plainLine(e))
	})
}

func plainLine(e Event) string {
	mark := map[Kind]string{Started: ">", Changed: "*", Warned: "!", Failed: "x", Ended: "=", Output: "|"}[e.Kind]
	if mark == "" {
		mark = "-"
	}
	what := e.Stage
	if e.Unit != "" && e.Unit != e.Stage {
		what = e.Unit
	}
	text := strings.TrimRight(e.Text, "\n")
	if e.Total > 0 {
		text += fmt.Sprintf(" (%d of %d)", e.Done, e.Total)
	}
	return fmt.Sprintf("%s  %-14s %s %s", e.Time.UTC().Format("15:04:05"), what, mark, text)
}

// JSONLines writes one JSON object an event.
func JSONLines(w io.Writer) Sink {
	var mu sync.Mutex
	enc := json.NewEncoder(w)
	return Func(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(e) // as above
	})
}

// Stamp fills the time and the run of events that have none.
func Stamp(next Sink, run string, now func() time.Time) Sink {
	return Func(func(e Event) {
		if e.Time.IsZero() {
			e.Time = now()
		}
		if e.Run == "" {
			e.Run = run
		}
		next.Emit(e)
	})
}
