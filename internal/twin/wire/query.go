package wire

import (
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// node is one name of a query request, dots taken as a tree.
type node struct {
	text string
	kids map[string]*node
}

// maxDepth bounds the nesting of a request in every protocol.
const maxDepth = 64

// parseQuery turns a form into a tree.
func parseQuery(form url.Values) (*node, error) {
	root, nodes := &node{}, 0
	for name, values := range form {
		n := root
		parts := strings.Split(name, ".")
		if len(parts) > maxDepth {
			return nil, malformed("parameter name %.60q is nested too deeply", name)
		}
		for _, part := range parts {
			if n.kids == nil {
				n.kids = map[string]*node{}
			}
			kid := n.kids[part]
			if kid == nil {
				if nodes++; nodes > maxValues/4 {
					return nil, malformed("too many parameters")
				}
				kid = &node{}
				n.kids[part] = kid
			}
			n = kid
		}
		n.text = values[0]
	}
	return root, nil
}

// queryDecoder reads ec2Query and awsQuery requests.
type queryDecoder struct{ ec2 bool }

// structure fills v from the node; path names the member in messages.
func (d queryDecoder) structure(p *plan, n *node, v reflect.Value, path string) error {
	for name, kid := range n.kids {
		if path == "" && (name == "Action" || name == "Version" || strings.HasPrefix(name, "X-Amz-")) {
			continue
		}
		f := p.byQuery[name]
		if f == nil && p.private[name] {
			continue
		}
		if f == nil {
			return unknownMember(join(path, name))
		}
		if err := d.value(f.plan, f.timefmt, kid, v.Field(f.index), join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

func (d queryDecoder) value(p *plan, format string, n *node, v reflect.Value, path string) error {
	switch p.kind {
	case kStruct:
		return d.structure(p, n, settle(v), path)
	case kList:
		return d.list(p, n, v, path)
	case kMap:
		return d.mapping(p, n, v, path)
	}
	if len(n.kids) > 0 {
		return badValue(path, "a structure where "+p.kind.String()+" belongs")
	}
	if err := setText(p, format, settle(v), n.text); err != nil {
		return badValue(path, err.Error())
	}
	return nil
}

func (d queryDecoder) list(p *plan, n *node, v reflect.Value, path string) error {
	if !d.ec2 && !p.flat {
		kid := n.kids[string(p.elemTag)]
		if kid == nil {
			if len(n.kids) > 0 {
				return badValue(path, "list members are named "+string(p.elemTag))
			}
			v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // "Names=" is the empty list
			return nil
		}
		n, path = kid, path+"."+string(p.elemTag)
	}
	kids, err := numbered(n, path)
	if err != nil {
		return err
	}
	out := reflect.MakeSlice(v.Type(), len(kids), len(kids))
	for i, kid := range kids {
		if err := d.value(p.elem, "", kid, out.Index(i), path+"."+strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// numbered returns a list's members in order; gaps are allowed, as on AWS.
func numbered(n *node, path string) ([]*node, error) {
	if len(n.kids) > 0 && n.text != "" {
		return nil, badValue(path, "a value beside a list")
	}
	if n.kids == nil && n.text != "" {
		return nil, badValue(path, "a plain value where a list belongs")
	}
	at := make([]int, 0, len(n.kids))
	for name := range n.kids {
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 {
			return nil, badValue(path, "list members are numbered")
		}
		at = append(at, i)
	}
	sort.Ints(at)
	kids := make([]*node, len(at))
	for i, k := range at {
		kid := n.kids[strconv.Itoa(k)]
		if kid == nil {
			return nil, badValue(path, "list members are numbered")
		}
		kids[i] = kid
	}
	return kids, nil
}

func (d queryDecoder) mapping(p *plan, n *node, v reflect.Value, path string) error {
	if !p.flat {
		if n = n.kids["entry"]; n == nil {
			v.Set(reflect.MakeMap(v.Type()))
			return nil
		}
	}
	kids, err := numbered(n, path)
	if err != nil {
		return err
	}
	out := reflect.MakeMapWithSize(v.Type(), len(kids))
	for _, kid := range kids {
		key := kid.kids[p.keyTag]
		if key == nil {
			return badValue(path, "an entry without a key")
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if value := kid.kids[p.valueTag]; value != nil {
			if err := d.value(p.elem, "", value, e, join(path, key.text)); err != nil {
				return err
			}
		}
		out.SetMapIndex(reflect.ValueOf(key.text).Convert(v.Type().Key()), e)
	}
	v.Set(out)
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
