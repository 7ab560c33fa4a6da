package twin

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxHold is how long a hold lasts that nobody releases.
const maxHold = time.Hour

// holds are the holds taken over the admin endpoint.
type holds struct {
	mu  sync.Mutex
	seq int
	all map[int]func()
}

func (h *holds) add(release func()) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[int]func(){}
	}
	h.seq++
	h.all[h.seq] = release
	return h.seq
}

// release ends a hold; it says whether there was one.
func (h *holds) release(id int) bool {
	h.mu.Lock()
	f, ok := h.all[id]
	delete(h.all, id)
	h.mu.Unlock()
	if ok {
		f()
	}
	return ok
}

func (h *holds) releaseAll() {
	h.mu.Lock()
	all := h.all
	h.all = nil
	h.mu.Unlock()
	for _, f := range all {
		f()
	}
}

// hold keeps time at the wall's pace: until its release, for a while, or as long
// as the connection stands.
func (t *Twin) hold(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	reason := or(q.Get("reason"), "a client")
	last := maxHold
	if text := q.Get("for"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > maxHold {
			refuse(w, http.StatusBadRequest, "for is a time such as 30s, at most %s", maxHold)
			return
		}
		last = d
	}
	id := t.holds.add(t.world.Clock().Hold(reason))
	if q.Get("while") != "connected" {
		time.AfterFunc(last, func() { t.holds.release(id) })
		answer(w, map[string]any{"id": id})
		return
	}
	defer t.holds.release(id)
	answer(w, map[string]any{"id": id})
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	select {
	case <-r.Context().Done():
	case <-t.stop:
	}
}

func (t *Twin) release(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.URL.Query().Get("id"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "give id, as hold returned it")
		return
	}
	answer(w, map[string]any{"id": id, "released": t.holds.release(id)})
}
