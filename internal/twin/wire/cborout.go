package wire

import (
	"reflect"

	"github.com/aws/smithy-go/encoding/cbor"
)

// cborAnswer is a structure as a CBOR map.
func cborAnswer(p *plan, v reflect.Value) cbor.Map {
	out := cbor.Map{}
	for _, f := range p.fields {
		if fv := v.Field(f.index); f.location == "" && !absent(fv) {
			out[f.jsonName] = cborOf(f.plan, fv)
		}
	}
	return out
}

func cborOf(p *plan, v reflect.Value) cbor.Value {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch p.kind {
	case kStruct:
		return cborAnswer(p, v)
	case kList:
		out := make(cbor.List, v.Len())
		for i := range out {
			out[i] = cborOf(p.elem, v.Index(i))
		}
		return out
	case kMap:
		out := cbor.Map{}
		for _, k := range v.MapKeys() {
			out[k.String()] = cborOf(p.elem, v.MapIndex(k))
		}
		return out
	case kString:
		return cbor.String(v.String())
	case kBlob:
		return cbor.Slice(v.Bytes())
	case kBool:
		return cbor.Bool(v.Bool())
	case kFloat:
		return cbor.Float64(v.Float())
	case kInt:
		if n := v.Int(); n < 0 {
			return cbor.NegInt(uint64(-n)) //nolint:gosec // the encoder takes the magnitude; the least int64 wraps to itself
		} else {
			return cbor.Uint(uint64(n)) //nolint:gosec // not negative
		}
	case kTime:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(timeOf(v).UnixMilli()) / 1000)}
	}
	return &cbor.Nil{}
}
