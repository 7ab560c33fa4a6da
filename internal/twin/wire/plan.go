package wire

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
)

// kind is how a value goes over the wire.
type kind uint8

const (
	kStruct kind = iota
	kList
	kMap
	kString
	kInt
	kFloat
	kBool
	kTime
	kBlob
	kStream // the body itself, an io.Reader or io.ReadCloser
	kOpaque // a union or document: nothing that the twin serves has one
)

// plan says how one Go type and one shape meet. It is made once and then used for
// every value, so that reflection never looks up a name on the way.
type plan struct {
	kind     kind
	typ      reflect.Type // without the pointer
	name     string       // the shape
	fields   []*field
	byQuery  map[string]*field // request names, query and ec2 protocols
	private  map[string]bool   // request names of members that the SDK keeps to itself
	byName   map[string]*field // member names (JSON), or XML names
	elem     *plan             // list member or map value
	elemTag  []byte            // XML name of a list member
	keyTag   string
	valueTag string
	flat     bool
	timefmt  string // of a shape that says so: iso8601, unixTimestamp, rfc822
	rules    rules
	payload  *field // REST: the member that is the body
	attrs    bool   // has members that are XML attributes
	rest     bool   // REST: has members that are not in the body
}

// field is one member of a structure.
type field struct {
	name     string // member name in the model
	index    int
	offset   uintptr // in its structure
	word     word
	ptr      bool
	plan     *plan
	query    string // name in a query request
	tag      []byte // element name in an XML answer
	flatTag  []byte // element name of each member of a flattened list
	jsonName string
	key      []byte // `"Name":` in JSON
	location string // REST: header, headers, uri, querystring, statusCode; "" is the body
	locName  string // REST: the header's or parameter's name
	required bool
	attr     bool // an XML attribute
	timefmt  string
}

type planKey struct {
	shape string
	typ   reflect.Type
	flat  bool
}

// compiler makes the plans of one service. Not for concurrent use.
type compiler struct {
	m     *model
	ec2   bool
	plans map[planKey]*plan
}

func newCompiler(m *model) *compiler {
	return &compiler{m: m, ec2: m.Metadata.Protocol == "ec2", plans: map[planKey]*plan{}}
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	readerType = reflect.TypeFor[io.Reader]()
)

// compile makes the plan of a shape for a Go type. A shape that the model does not
// have ("": members newer than the model) is taken from the Go type alone.
func (c *compiler) compile(shapeName string, t reflect.Type, flat bool) *plan {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := planKey{shapeName, t, flat}
	if p, ok := c.plans[k]; ok {
		return p
	}
	p := &plan{typ: t, name: shapeName, flat: flat}
	c.plans[k] = p
	sh := c.m.shape(shapeName)
	if sh == nil {
		sh = &shape{}
	}
	p.timefmt = sh.TimestampFormat
	p.flat = p.flat || sh.Flattened
	p.rules = newRules(sh, t)
	switch {
	case t == timeType:
		p.kind = kTime
	case t.Kind() == reflect.Interface && t.Implements(readerType):
		p.kind = kStream
	case t.Kind() == reflect.Interface:
		p.kind = kOpaque
	case t.Kind() == reflect.Struct:
		p.kind = kStruct
		c.members(p, sh)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		p.kind = kBlob
	case t.Kind() == reflect.Slice:
		p.kind = kList
		tag := sh.Member.LocationName
		if tag == "" {
			tag = "member"
			if c.ec2 && sh.Type == "" { // a guess, as for all that is newer than the model
				tag = "item"
			}
		}
		p.elemTag = []byte(tag)
		p.elem = c.compile(sh.Member.Shape, t.Elem(), sh.Member.Flattened)
	case t.Kind() == reflect.Map:
		p.kind = kMap
		p.keyTag, p.valueTag = or(sh.Key.LocationName, "key"), or(sh.Value.LocationName, "value")
		p.elem = c.compile(sh.Value.Shape, t.Elem(), sh.Value.Flattened)
	case t.Kind() == reflect.String:
		p.kind = kString
	case t.Kind() == reflect.Bool:
		p.kind = kBool
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		p.kind = kFloat
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		p.kind = kInt
	default:
		p.kind = kOpaque
	}
	return p
}

// members fills a structure's fields in the Go type's order.
func (c *compiler) members(p *plan, sh *shape) {
	p.byQuery, p.byName, p.private = map[string]*field{}, map[string]*field{}, map[string]bool{}
	byGo := make(map[string]string, len(sh.Members))
	for name := range sh.Members {
		byGo[upper(name)] = name
	}
	for i := range p.typ.NumField() {
		f := p.typ.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			if name, ok := byGo[upper(f.Name)]; ok {
				// CopySnapshot's DestinationRegion: clients send it, handlers cannot see it.
				p.private[upper(or(sh.Members[name].LocationName, name))] = true
			}
			continue
		}
		name, ok := byGo[f.Name]
		r := sh.Members[name]
		if !ok {
			if c.isREST() {
				continue // nothing says whether it is a header, a parameter or in the body
			}
			name, r = c.newer(f.Name, f.Type)
		}
		out := c.member(name, r, f)
		out.index, out.offset, out.word = i, f.Offset, wordOf(f.Type)
		out.required = slices.Contains(sh.Required, name)
		p.fields = append(p.fields, out)
		p.byQuery[out.query] = out
		p.attrs = p.attrs || out.attr
		if name == sh.Payload {
			p.payload = out
		}
		if out.location != "" {
			p.rest = true
			continue
		}
		if c.isJSON() {
			p.byName[out.jsonName] = out
		} else {
			p.byName[string(out.tag)] = out
		}
	}
}

// newer guesses the wire name of a member that the SDK has and our copy of the
// model has not yet; the round trip through the SDK shows whether it is right.
func (c *compiler) newer(goName string, t reflect.Type) (string, ref) {
	if !c.ec2 {
		return goName, ref{}
	}
	r := ref{LocationName: lower(goName)}
	if t.Kind() == reflect.Slice {
		r.LocationName = lower(strings.TrimSuffix(goName, "s")) + "Set"
		r.QueryName = strings.TrimSuffix(goName, "s")
	}
	return goName, r
}

func (c *compiler) member(name string, r ref, f reflect.StructField) *field {
	out := &field{
		name: name, ptr: f.Type.Kind() == reflect.Pointer, location: r.Location,
		jsonName: or(jsonName(r), name), key: []byte(`"` + or(jsonName(r), name) + `":`), attr: r.XMLAttribute,
		timefmt: r.TimestampFormat, locName: or(r.LocationName, name),
	}
	out.plan = c.compile(r.Shape, f.Type, r.Flattened)
	if r.Streaming && out.plan.kind == kOpaque {
		out.plan = &plan{kind: kStream, typ: out.plan.typ}
	}
	tag := or(r.LocationName, name)
	out.query = tag
	switch target := c.m.shape(r.Shape); {
	case c.ec2 && r.QueryName != "":
		out.query = r.QueryName
	case c.ec2:
		out.query = upper(tag)
	case target != nil && target.Type == "list" && target.Flattened && target.Member.LocationName != "":
		out.query = target.Member.LocationName
	}
	out.tag = []byte(tag)
	out.flatTag = out.tag
	if c.m.Metadata.Protocol == "query" && out.plan.kind == kList && string(out.plan.elemTag) != "member" {
		out.flatTag = out.plan.elemTag
	}
	return out
}

// jsonName is the name in JSON where a member has one of its own; REST locations
// are not names in the body.
func jsonName(r ref) string {
	if r.Location != "" {
		return ""
	}
	return r.LocationName
}

// isJSON says that members go by their JSON names, as they do in CBOR.
func (c *compiler) isJSON() bool {
	switch c.m.Metadata.Protocol {
	case "json", "rest-json", rpcCBOR:
		return true
	}
	return false
}

func (c *compiler) isREST() bool {
	return c.m.Metadata.Protocol == "rest-json" || c.m.Metadata.Protocol == "rest-xml"
}

func or(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
