package wire

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// appendXML appends a structure's members as elements.
func appendXML(dst []byte, p *plan, v reflect.Value) []byte {
	b := base(v)
	for _, f := range p.fields {
		if f.absentIn(b, v) || f.location != "" || f.attr {
			continue
		}
		dst = appendMember(dst, f, v.Field(f.index))
	}
	return dst
}

// appendAnswer appends the members of an answer. Lists at its top are there even
// when they are empty, as on AWS: botocore shows [] then, and nothing otherwise.
func appendAnswer(dst []byte, p *plan, v reflect.Value) []byte {
	for _, f := range p.fields {
		if fv := v.Field(f.index); f.plan.kind == kList && !f.plan.flat && fv.IsNil() {
			dst = append(append(append(dst, '<'), f.tag...), '/', '>')
		}
	}
	return appendXML(dst, p, v)
}

func appendMember(dst []byte, f *field, v reflect.Value) []byte {
	if f.plan.kind == kList && f.plan.flat {
		for i := range v.Len() {
			dst = appendElement(dst, f.flatTag, f.plan.elem, "", v.Index(i))
		}
		return dst
	}
	return appendElement(dst, f.tag, f.plan, f.timefmt, v)
}

func appendElement(dst []byte, tag []byte, p *plan, format string, v reflect.Value) []byte {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	dst = append(append(dst, '<'), tag...)
	if p.attrs {
		dst = appendAttributes(dst, p, v)
	}
	dst = append(dst, '>')
	switch p.kind {
	case kStruct:
		dst = appendXML(dst, p, v)
	case kList:
		for i := range v.Len() {
			dst = appendElement(dst, p.elemTag, p.elem, "", v.Index(i))
		}
	case kMap:
		for _, k := range sortedKeys(v) {
			dst = append(dst, "<entry><"+p.keyTag+">"...)
			dst = escape(dst, k.String())
			dst = append(dst, "</"+p.keyTag+">"...)
			dst = appendElement(dst, []byte(p.valueTag), p.elem, "", v.MapIndex(k))
			dst = append(dst, "</entry>"...)
		}
	case kString:
		dst = escape(dst, v.String())
	case kOpaque, kStream:
	default:
		dst = appendText(dst, p, format, v)
	}
	return append(append(append(dst, '<', '/'), tag...), '>')
}

// appendAttributes writes members that the model has as attributes, such as the
// type of an S3 grantee.
func appendAttributes(dst []byte, p *plan, v reflect.Value) []byte {
	for _, f := range p.fields {
		if fv := v.Field(f.index); f.attr && !absent(fv) {
			if prefix, _, ok := strings.Cut(string(f.tag), ":"); ok && prefix == "xsi" {
				dst = append(dst, ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`...)
			}
			dst = append(append(append(dst, ' '), f.tag...), '=', '"')
			if fv.Kind() == reflect.Pointer {
				fv = fv.Elem()
			}
			dst = escape(dst, string(appendText(nil, f.plan, f.timefmt, fv)))
			dst = append(dst, '"')
		}
	}
	return dst
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// escape appends text for XML. Characters that XML cannot hold become U+FFFD.
func escape(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '&' && c != '<' && c != '>' && c != '"' {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\t':
			dst = append(dst, "&#x9;"...)
		case r == '\n':
			dst = append(dst, "&#xA;"...)
		case r == '\r':
			dst = append(dst, "&#xD;"...)
		case r < 0x20 || r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}
