package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

// Event is an entry of the twin's log.
type Event struct {
	N    int
	Time time.Time
	Kind string
	Data json.RawMessage // by kind
}

// Call is the data of an event of kind "call": a request that the twin answered.
type Call struct {
	Service, Op, Client, Snapshot string
	Status                        int // of HTTP
}

// Calls are the requests after entry number since.
func (l *Lab) Calls(t testing.TB, since int) (out []Call) {
	t.Helper()
	for _, e := range l.Events(t, since) {
		if e.Kind != "call" {
			continue
		}
		var c Call
		if err := json.Unmarshal(e.Data, &c); err != nil {
			t.Fatalf("entry %d of the twin's log: %v", e.N, err)
		}
		out = append(out, c)
	}
	return out
}

// Events are the entries of the twin's log after entry number since.
func (l *Lab) Events(t testing.TB, since int) []Event {
	t.Helper()
	var out []Event
	l.admin(t, fmt.Sprintf("events?since=%d", since), &out)
	return out
}

// Mark is the number of the newest entry of the twin's log.
func (l *Lab) Mark(t testing.TB) int {
	t.Helper()
	all := l.Events(t, 0)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].N
}

// notResources are tables that are the twin's own book-keeping: what it remembers of
// calls and of machines that are gone, as AWS itself does for a while, but keeps from
// its users.
var notResources = []string{"ec2/network", "ec2/places", "ec2/tokens", "ec2/whereabouts", "ec2/owners", "ec2/contents", "autoscaling/owners", "ebs/key"}

// Resources is everything that exists in every account and region, as
// "account/region/kind id". Terminated instances, which AWS shows for a while, are
// no resource.
func (l *Lab) Resources(t testing.TB) []string {
	t.Helper()
	var tables map[string]map[string]json.RawMessage
	l.admin(t, "state?values=true", &tables)
	var out []string
	for table, rows := range tables {
		place, kind := path.Split(table)
		kind = path.Base(strings.TrimSuffix(place, "/")) + "/" + kind
		if slices.Contains(notResources, kind) {
			continue
		}
		for id, row := range rows {
			if !gone(kind, row) {
				out = append(out, table+" "+id)
			}
		}
	}
	slices.Sort(out)
	return out
}

func gone(kind string, row json.RawMessage) bool {
	var r struct{ State string }
	return kind == "ec2/instances" && json.Unmarshal(row, &r) == nil && r.State == "terminated"
}

func (l *Lab) admin(t testing.TB, what string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Endpoint+"/_twin/"+what, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) // no proxy: it is on this machine
	if err != nil {
		t.Fatalf("ask the twin for %s: %v", what, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("ask the twin for %s: %s", what, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("ask the twin for %s: %v", what, err)
	}
}
