package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// element is a parsed XML element of a request body.
type element struct {
	name string
	attr map[string]string
	text []byte
	kids []*element
}

// parseXML reads one document; entities beyond XML's own five are refused by the
// parser.
func parseXML(body []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var stack []*element
	var root *element
	for n := 0; ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed("not XML")
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if n += 1 + len(t.Attr); n > maxValues {
				return nil, malformed("too many elements")
			}
			e := &element{name: t.Name.Local}
			if len(t.Attr) > 0 {
				e.attr = make(map[string]string, len(t.Attr))
			}
			for _, a := range t.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			if len(stack) > 0 {
				up := stack[len(stack)-1]
				up.kids = append(up.kids, e)
			} else if root == nil {
				root = e
			} else {
				return nil, malformed("more than one document")
			}
			if stack = append(stack, e); len(stack) > maxDepth {
				return nil, malformed("nested too deeply")
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text = append(stack[len(stack)-1].text, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, malformed("text outside the document")
			}
		case xml.Directive:
			return nil, malformed("document type definitions are not accepted")
		}
	}
	if root == nil {
		return nil, malformed("no XML document")
	}
	return root, nil
}

func xmlStruct(p *plan, e *element, v reflect.Value, path string) error {
	for _, f := range p.fields {
		if f.attr {
			_, local, _ := strings.Cut(string(f.tag), ":")
			if s, ok := e.attr[or(local, string(f.tag))]; ok {
				if err := setText(f.plan, f.timefmt, settle(v.Field(f.index)), s); err != nil {
					return badValue(join(path, f.name), err.Error())
				}
			}
		}
	}
	for _, kid := range e.kids {
		f := p.byName[kid.name]
		if f == nil {
			return unknownMember(join(path, kid.name))
		}
		fv, at := v.Field(f.index), join(path, f.name)
		if f.plan.kind == kList && f.plan.flat {
			one := reflect.New(fv.Type().Elem()).Elem()
			if err := xmlValue(f.plan.elem, "", kid, one, at); err != nil {
				return err
			}
			fv.Set(reflect.Append(fv, one))
			continue
		}
		if err := xmlValue(f.plan, f.timefmt, kid, fv, at); err != nil {
			return err
		}
	}
	return nil
}

func xmlValue(p *plan, format string, e *element, v reflect.Value, path string) error {
	switch p.kind {
	case kStruct:
		return xmlStruct(p, e, settle(v), path)
	case kList:
		out := reflect.MakeSlice(v.Type(), len(e.kids), len(e.kids))
		for i, kid := range e.kids {
			if kid.name != string(p.elemTag) {
				return unknownMember(join(path, kid.name))
			}
			if err := xmlValue(p.elem, "", kid, out.Index(i), path+"."+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
		v.Set(out)
		return nil
	case kMap:
		return badValue(path, "a map in XML is not supported")
	}
	text := string(e.text)
	if p.kind != kString {
		text = strings.TrimSpace(text)
	}
	if err := setText(p, format, settle(v), text); err != nil {
		return badValue(path, err.Error())
	}
	return nil
}
