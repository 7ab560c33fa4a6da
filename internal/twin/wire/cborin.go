package wire

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/aws/smithy-go/encoding/cbor"
)

// decodeCBOR fills v, a structure, from a CBOR map; an empty body is an empty map.
// (Smithy RPC v2 CBOR protocol.)
func decodeCBOR(p *plan, body []byte, v reflect.Value) error {
	if len(body) == 0 {
		return nil
	}
	if err := checkCBOR(body); err != nil {
		return err
	}
	x, err := cbor.Decode(body)
	if err != nil {
		return malformed("not CBOR")
	}
	o, ok := x.(cbor.Map)
	if !ok {
		return malformed("not a CBOR map")
	}
	return cborStruct(p, o, v, "", 0)
}

func cborStruct(p *plan, o cbor.Map, v reflect.Value, path string, depth int) error {
	if depth > maxDepth {
		return malformed("nested too deeply")
	}
	for name, x := range o {
		f := p.byName[name]
		if f == nil {
			return unknownMember(join(path, name))
		}
		if nothing(x) {
			continue
		}
		if err := cborValue(f.plan, x, v.Field(f.index), join(path, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func nothing(x cbor.Value) bool {
	switch x.(type) {
	case *cbor.Nil, *cbor.Undefined, nil:
		return true
	}
	return false
}

func cborValue(p *plan, x cbor.Value, v reflect.Value, path string, depth int) error {
	switch x := x.(type) {
	case cbor.Map:
		switch p.kind {
		case kStruct:
			return cborStruct(p, x, settle(v), path, depth)
		case kMap:
			return cborMap(p, x, v, path, depth)
		}
	case cbor.List:
		if p.kind == kList {
			return cborList(p, x, v, path, depth)
		}
	case cbor.String:
		if p.kind == kString {
			return textValue(p, "", string(x), v, path)
		}
	case cbor.Slice:
		if p.kind == kBlob {
			settle(v).SetBytes(x)
			return nil
		}
	case cbor.Bool:
		if p.kind == kBool {
			settle(v).SetBool(bool(x))
			return nil
		}
	case *cbor.Tag: // 1 is seconds since 1970, RFC 8949 §3.4.2
		if at, ok := cborNumber(x.Value); ok && x.ID == 1 && p.kind == kTime {
			t, err := fromEpoch(at)
			if err != nil {
				return badValue(path, err.Error())
			}
			settle(v).Set(reflect.ValueOf(t))
			return nil
		}
	default:
		if n, ok := cborNumber(x); ok {
			return cborScalar(p, x, n, v, path)
		}
	}
	return badValue(path, fmt.Sprintf("%s where %s belongs", cborKind(x), p.kind))
}

// cborScalar puts a number where one belongs; whole numbers stay exact.
func cborScalar(p *plan, x cbor.Value, n float64, v reflect.Value, path string) error {
	switch p.kind {
	case kFloat:
		settle(v).SetFloat(n)
		return nil
	case kInt:
		text := strconv.FormatFloat(n, 'f', -1, 64)
		switch x := x.(type) {
		case cbor.Uint:
			text = strconv.FormatUint(uint64(x), 10)
		case cbor.NegInt:
			text = "-" + strconv.FormatUint(uint64(x), 10)
		}
		return textValue(p, "", text, v, path)
	}
	return badValue(path, "a number where "+p.kind.String()+" belongs")
}

// cborNumber is the number that x is, if it is one.
func cborNumber(x cbor.Value) (float64, bool) {
	switch x := x.(type) {
	case cbor.Uint:
		return float64(x), true
	case cbor.NegInt:
		if x == 0 { // -2^64, see cbor.NegInt
			return -math.Pow(2, 64), true
		}
		return -float64(x), true
	case cbor.Float32:
		return float64(x), true
	case cbor.Float64:
		return float64(x), true
	}
	return 0, false
}

func cborList(p *plan, x cbor.List, v reflect.Value, path string, depth int) error {
	if depth > maxDepth {
		return malformed("nested too deeply")
	}
	out := reflect.MakeSlice(v.Type(), len(x), len(x))
	for i, e := range x {
		at := path + "." + strconv.Itoa(i+1)
		if nothing(e) {
			return badValue(at, "null in a list")
		}
		if err := cborValue(p.elem, e, out.Index(i), at, depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func cborMap(p *plan, x cbor.Map, v reflect.Value, path string, depth int) error {
	out := reflect.MakeMapWithSize(v.Type(), len(x))
	for k, e := range x {
		if nothing(e) {
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := cborValue(p.elem, e, value, join(path, k), depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), value)
	}
	v.Set(out)
	return nil
}

func cborKind(x cbor.Value) string {
	switch x.(type) {
	case cbor.Map:
		return "a CBOR map"
	case cbor.List:
		return "a CBOR list"
	case cbor.String:
		return "a CBOR text"
	case cbor.Slice:
		return "CBOR bytes"
	case cbor.Bool:
		return "a CBOR boolean"
	case *cbor.Tag:
		return "a CBOR tag"
	}
	return "a CBOR number"
}
