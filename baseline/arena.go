package baseline

import (
	"strings"
	"time"
)

var noTime time.Time

// arena makes many short strings with few allocations: they share the memory of
// one growing builder.
type arena struct{ b strings.Builder }

// title renders a package once; id and version are parts of its title, except on
// macOS, where the title joins them by a dot.
func (t *arena) title(w world, p *Package) (id, version, title string) {
	t.reserve(len(p.Name) + len(p.Arch) + len(p.Epoch) + len(p.Version) + len(p.Release) + 5)
	start := t.b.Len()
	t.b.WriteString(p.Name)
	if w == worldMac {
		t.b.WriteByte('.')
		t.b.WriteString(p.Version)
		title = t.b.String()[start:]
		return p.Name, p.Version, title
	}
	if p.Arch != "" {
		t.b.WriteByte('.')
		t.b.WriteString(p.Arch)
	}
	id = t.b.String()[start:]
	t.b.WriteByte(':')
	if w != worldRPM {
		t.b.WriteString(p.Version)
		title = t.b.String()[start:]
		return id, p.Version, title
	}
	t.b.WriteString(epochOf(p.Epoch))
	t.b.WriteByte(':')
	t.b.WriteString(p.Version)
	t.b.WriteByte('-')
	t.b.WriteString(p.Release)
	title = t.b.String()[start:]
	return id, title[len(id)+1:], title
}

// join concatenates.
func (t *arena) join(a, b, c string) string {
	t.reserve(len(a) + len(b) + len(c))
	start := t.b.Len()
	t.b.WriteString(a)
	t.b.WriteString(b)
	t.b.WriteString(c)
	return t.b.String()[start:]
}

// reserve makes room without moving what was already handed out.
func (t *arena) reserve(need int) {
	if t.b.Cap()-t.b.Len() < need {
		t.b = strings.Builder{} // earlier strings keep the old memory
		t.b.Grow(max(need, 16<<10))
	}
}
