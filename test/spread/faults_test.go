package spread

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin"
)

// faults replaces the twin's fault plan; none takes it away.
func (w *universe) faults(t testing.TB, rules ...twin.Rule) {
	t.Helper()
	if rules == nil {
		rules = []twin.Rule{}
	}
	body, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.Endpoint+"/_twin/faults", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the twin answers the fault plan %s with %s", body, resp.Status)
	}
}
