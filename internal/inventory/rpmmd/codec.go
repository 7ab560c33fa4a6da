package rpmmd

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// encoder writes a selection for the cache: a table of the texts, each once, then
// numbers. It is several times faster to read than any general form, and what it
// holds was checked before it was written.
type encoder struct {
	at    map[string]uint64
	table []byte
	body  []byte
}

func encode(s Selection) []byte {
	e := &encoder{at: map[string]uint64{}}
	e.number(int64(len(s.Packages)))
	for i := range s.Packages {
		p := &s.Packages[i]
		e.texts(p.Name, p.Arch, p.Epoch, p.Version, p.Release, p.Href, p.Base, p.Sum.Kind, p.Sum.Hex)
		e.number(p.Size)
		e.number(p.BuildTime)
		for _, list := range [][]Capability{p.Requires, p.Provides, p.Obsoletes} {
			e.number(int64(len(list)))
			for _, c := range list {
				e.texts(c.Name, c.Relation, c.Version)
			}
		}
	}
	e.number(int64(len(s.Advisories)))
	for i := range s.Advisories {
		e.advisory(&s.Advisories[i])
	}
	e.modules(s.Modules)
	out := binary.AppendUvarint(nil, uint64(len(e.at)))
	out = binary.AppendUvarint(out, uint64(len(e.table)))
	return append(append(out, e.table...), e.body...)
}

func (e *encoder) advisory(a *Advisory) {
	e.texts(a.ID, a.Type, a.Status, a.Title, a.Issued, a.Updated)
	e.flag(a.Severity != nil)
	if a.Severity != nil {
		e.texts(*a.Severity)
	}
	e.list(a.CVEs)
	e.list(a.Bugzillas)
	e.number(int64(len(a.Packages)))
	for _, p := range a.Packages {
		e.texts(p.Name, p.Arch, p.Epoch, p.Version, p.Release, p.Module)
		e.flag(p.Reboot)
		e.flag(p.Restart)
		e.flag(p.Relogin)
	}
}

func (e *encoder) modules(m Modules) {
	e.number(int64(len(m.Streams)))
	for _, s := range m.Streams {
		e.texts(s.Name, s.Stream, s.Version, s.Context, s.Arch)
		e.number(int64(len(s.Requires)))
		for _, needs := range s.Requires {
			e.number(int64(len(needs)))
			for _, name := range slices.Sorted(maps.Keys(needs)) {
				e.texts(name)
				e.list(needs[name])
			}
		}
		e.list(s.Artifacts)
	}
	e.number(int64(len(m.Defaults)))
	for _, name := range slices.Sorted(maps.Keys(m.Defaults)) {
		e.texts(name, m.Defaults[name])
	}
	e.number(int64(len(m.Obsoletes)))
	for _, o := range m.Obsoletes {
		e.texts(o.Name, o.Stream, o.ByName, o.By, o.EOL, o.Message, o.Modified, o.Context)
		e.flag(o.Reset)
	}
}

func (e *encoder) number(n int64) { e.body = binary.AppendVarint(e.body, n) }

func (e *encoder) flag(b bool) {
	if b {
		e.body = append(e.body, 2)
	} else {
		e.body = append(e.body, 0)
	}
}

func (e *encoder) texts(list ...string) {
	for _, s := range list {
		i, ok := e.at[s]
		if !ok {
			i = uint64(len(e.at))
			e.at[s] = i
			e.table = append(binary.AppendUvarint(e.table, uint64(len(s))), s...)
		}
		e.body = binary.AppendVarint(e.body, int64(i))
	}
}

func (e *encoder) list(list []string) {
	e.number(int64(len(list)))
	e.texts(list...)
}

// decoder reads what encoder wrote.
type decoder struct {
	texts []string
	body  []byte
	bad   bool
}

var errCache = errors.New("the entry is damaged")

func decode(entry string) (Selection, error) {
	d := &decoder{body: []byte(entry)}
	count, size := d.length(), d.length()
	if d.bad || size > len(d.body) || count > size {
		return Selection{}, errCache
	}
	table := entry[len(entry)-len(d.body):][:size]
	d.body = d.body[size:]
	d.texts = make([]string, 0, count)
	for len(table) > 0 {
		n, k := binary.Uvarint([]byte(table[:min(len(table), binary.MaxVarintLen64)]))
		if k <= 0 || n > uint64(len(table)-k) {
			return Selection{}, errCache
		}
		d.texts, table = append(d.texts, table[k:k+int(n)]), table[k+int(n):]
	}
	var s Selection
	s.Packages = many(d, d.rpm)
	s.Advisories = many(d, d.advisory)
	s.Modules = d.modules()
	if d.bad || len(d.body) > 0 {
		return Selection{}, errCache
	}
	return s, nil
}

// many reads as many of something as come next. Each takes a byte at least, so a count
// cannot ask for more than there is.
func many[T any](d *decoder, one func() T) []T {
	n := d.number()
	if n < 0 || n > int64(len(d.body)) {
		d.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for range n {
		if d.bad {
			return nil
		}
		out = append(out, one())
	}
	return out
}

func (d *decoder) rpm() (p Package) {
	for _, s := range []*string{&p.Name, &p.Arch, &p.Epoch, &p.Version, &p.Release, &p.Href, &p.Base, &p.Sum.Kind, &p.Sum.Hex} {
		*s = d.text()
	}
	p.Size, p.BuildTime = d.number(), d.number()
	p.Requires, p.Provides, p.Obsoletes = many(d, d.capability), many(d, d.capability), many(d, d.capability)
	return p
}

func (d *decoder) capability() Capability {
	return Capability{Name: d.text(), Relation: d.text(), Version: d.text()}
}

func (d *decoder) advisory() (a Advisory) {
	for _, s := range []*string{&a.ID, &a.Type, &a.Status, &a.Title, &a.Issued, &a.Updated} {
		*s = d.text()
	}
	if d.flag() {
		severity := d.text()
		a.Severity = &severity
	}
	a.CVEs, a.Bugzillas = many(d, d.text), many(d, d.text)
	a.Packages = many(d, func() (p AdvisedPackage) {
		for _, s := range []*string{&p.Name, &p.Arch, &p.Epoch, &p.Version, &p.Release, &p.Module} {
			*s = d.text()
		}
		p.Reboot, p.Restart, p.Relogin = d.flag(), d.flag(), d.flag()
		return p
	})
	return a
}

func (d *decoder) modules() (m Modules) {
	type named struct {
		name string
		list []string
	}
	m.Streams = many(d, func() (s Stream) {
		s.Name, s.Stream, s.Version, s.Context, s.Arch = d.text(), d.text(), d.text(), d.text(), d.text()
		s.Requires = many(d, func() map[string][]string {
			needs := map[string][]string{}
			for _, n := range many(d, func() named { return named{d.text(), many(d, d.text)} }) {
				needs[n.name] = n.list
			}
			return needs
		})
		s.Artifacts = many(d, d.text)
		return s
	})
	for _, pair := range many(d, func() [2]string { return [2]string{d.text(), d.text()} }) {
		if m.Defaults == nil {
			m.Defaults = map[string]string{}
		}
		m.Defaults[pair[0]] = pair[1]
	}
	m.Obsoletes = many(d, func() (o ObsoleteStream) {
		for _, s := range []*string{&o.Name, &o.Stream, &o.ByName, &o.By, &o.EOL, &o.Message, &o.Modified, &o.Context} {
			*s = d.text()
		}
		o.Reset = d.flag()
		return o
	})
	return m
}

func (d *decoder) number() int64 {
	n, k := binary.Varint(d.body)
	if k <= 0 {
		d.bad, d.body = true, nil
		return 0
	}
	d.body = d.body[k:]
	return n
}

// length reads a count of the table.
func (d *decoder) length() int {
	n, k := binary.Uvarint(d.body)
	if k <= 0 || n > uint64(len(d.body)) {
		d.bad, d.body = true, nil
		return 0
	}
	d.body = d.body[k:]
	return int(n)
}

func (d *decoder) flag() bool { return d.number() != 0 }

func (d *decoder) text() string {
	n := d.number()
	if n < 0 || n >= int64(len(d.texts)) {
		d.bad = true
		return ""
	}
	return d.texts[n]
}
