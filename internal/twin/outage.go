package twin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const outageKind = "twin/outage"

// outages are the rules that come at a time, by what they say: to the key of their
// timer, or "" when they have come. Each comes once to a world, also to one that is
// killed and started again with the same plan.
func outages(tx *world.Tx) *world.Rows[string] {
	return world.Table[string](tx.In("-", "-"), "twin/outages")
}

// plan makes rules the fault plan of a world that has been started.
func (t *Twin) plan(rules []Rule) error {
	t.faults.set(rules)
	t.world.Remember(t.faults.stale())
	return t.world.Do("-", "-", func(tx *world.Tx) error {
		rows, wanted := outages(tx), map[string]bool{}
		for _, r := range rules {
			if !comes(r.Fails) {
				continue
			}
			key, err := r.key()
			if err != nil {
				return err
			}
			wanted[key] = true
			if _, ok := rows.Get(key); !ok {
				rows.Put(key, tx.At(r.From, outageKind, key))
			}
		}
		for key, timer := range rows.All() {
			if !wanted[key] && timer != "" {
				tx.Cancel(timer)
				rows.Delete(key)
			}
		}
		return nil
	})
}

// key is what a rule says, made short.
func (r Rule) key() (string, error) {
	r.Seen = 0
	text, err := json.Marshal(r)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), err
}

// outageDue has an outage come.
func (t *Twin) outageDue(tx *world.Tx, payload json.RawMessage) error {
	var key string
	if err := json.Unmarshal(payload, &key); err != nil {
		return err
	}
	outages(tx).Put(key, "")
	for _, r := range t.faults.list() {
		have, err := r.key()
		if err != nil {
			return err
		}
		if comes(r.Fails) && have == key {
			o := world.Outage{Kind: r.Fails, Account: r.Account, Region: r.Region, Message: r.Message, Hits: r.Where.hits}
			if !tx.Strike(o) {
				tx.Event("fault.unknown", map[string]any{"fails": string(r.Fails)})
			}
		}
	}
	return nil
}
