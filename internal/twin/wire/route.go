package wire

import (
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// route is one REST operation's method and path.
type route struct {
	op     string
	method string
	parts  []string // "{Name}", "{Name+}" or a literal
	query  map[string]string
	needs  []need // required members outside the path: they tell CopyObject from PutObject
}

type need struct{ header, query string }

func newRoutes(m *model) []route {
	var out []route
	for name, op := range m.Operations {
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		r := route{op: name, method: op.HTTP.Method, parts: split(path), query: map[string]string{}}
		for _, q := range strings.Split(query, "&") {
			if k, v, _ := strings.Cut(q, "="); k != "" {
				r.query[k] = v
			}
		}
		if sh := m.shape(op.inputShape()); sh != nil {
			for _, req := range sh.Required {
				switch mem := sh.Members[req]; mem.Location {
				case "header":
					r.needs = append(r.needs, need{header: mem.LocationName})
				case "querystring":
					r.needs = append(r.needs, need{query: mem.LocationName})
				}
			}
		}
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].op < out[j].op })
	return out
}

func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// find returns the operation that a REST request names, and the path's members.
func (b *bound) find(method, rawPath string, query url.Values, h http.Header) (string, map[string]string) {
	best, bestScore := "", -1
	var bestLabels map[string]string
	for _, r := range b.routes {
		if r.method != method {
			continue
		}
		labels, ok := r.match(rawPath)
		if !ok {
			continue
		}
		if score := r.score(query, h); score > bestScore {
			best, bestScore, bestLabels = r.op, score, labels
		}
	}
	return best, bestLabels
}

func (r route) match(rawPath string) (map[string]string, bool) {
	labels := map[string]string{}
	rest := strings.TrimPrefix(rawPath, "/")
	for i, part := range r.parts {
		name, isLabel := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		if greedy, ok := strings.CutSuffix(name, "+"); isLabel && ok && i == len(r.parts)-1 {
			value, err := url.PathUnescape(rest)
			if err != nil || value == "" {
				return nil, false
			}
			labels[greedy] = value
			return labels, true
		}
		var seg string
		seg, rest, _ = strings.Cut(rest, "/")
		if !isLabel {
			if seg != part {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(seg)
		if err != nil || value == "" {
			return nil, false
		}
		labels[name] = value
	}
	return labels, rest == ""
}

// score is how well the request's query and headers fit, or -1 for not at all.
func (r route) score(query url.Values, h http.Header) int {
	n := 0
	for k, v := range r.query {
		have, ok := query[k]
		if !ok || v != "" && have[0] != v {
			return -1
		}
		n += 10
	}
	for _, need := range r.needs {
		if need.header != "" && h.Get(need.header) == "" || need.query != "" && !query.Has(need.query) {
			return -1
		}
		n++
	}
	return n
}
