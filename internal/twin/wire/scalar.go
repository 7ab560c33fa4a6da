package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// setText puts a scalar written as text into v, which is not a pointer.
func setText(p *plan, format string, v reflect.Value, s string) error {
	switch p.kind {
	case kString:
		if !utf8.ValidString(s) {
			return fmt.Errorf("text is not UTF-8")
		}
		v.SetString(s)
	case kBool:
		switch s {
		case "true", "True", "TRUE":
			v.SetBool(true)
		case "false", "False", "FALSE":
			v.SetBool(false)
		default:
			return fmt.Errorf("%.40q is not true or false", s)
		}
	case kInt:
		i, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%.40q is not a whole number of %d bits", s, v.Type().Bits())
		}
		v.SetInt(i)
	case kFloat:
		f, err := parseFloat(s, v.Type().Bits())
		if err != nil {
			return err
		}
		v.SetFloat(f)
	case kTime:
		t, err := parseTime(or(format, p.timefmt), s)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(t))
	case kBlob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return fmt.Errorf("not base64")
		}
		v.SetBytes(b)
	default:
		return fmt.Errorf("a plain value where %s belongs", p.kind)
	}
	return nil
}

func parseFloat(s string, bits int) (float64, error) {
	f, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number", s)
	}
	return f, nil
}

func (k kind) String() string {
	return [...]string{"a structure", "a list", "a map", "a string", "an integer", "a number", "a boolean", "a timestamp", "a blob", "a stream", "a union"}[k]
}

// parseTime reads a time in the given format, or in any that AWS accepts.
func parseTime(format, s string) (time.Time, error) {
	if format == "" || format == "unixTimestamp" {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return fromEpoch(f)
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time", s)
}

// fromEpoch reads seconds since 1970 to the millisecond, in the range of years
// that RFC 3339 can write.
func fromEpoch(f float64) (time.Time, error) {
	if math.IsNaN(f) || f < -62135596800 || f >= 253402300800 {
		return time.Time{}, fmt.Errorf("%v is not a time", f)
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}

// appendText appends a scalar as it stands in XML, headers and paths, unescaped.
func appendText(dst []byte, p *plan, format string, v reflect.Value) []byte {
	switch p.kind {
	case kString:
		return append(dst, v.String()...)
	case kBool:
		return strconv.AppendBool(dst, v.Bool())
	case kInt:
		return strconv.AppendInt(dst, v.Int(), 10)
	case kFloat:
		return appendFloat(dst, v.Float(), v.Type().Bits())
	case kTime:
		t := timeOf(v).UTC()
		switch or(format, p.timefmt) {
		case "rfc822":
			return t.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
		case "unixTimestamp":
			return appendEpoch(dst, t)
		}
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case kBlob:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	}
	return dst
}

// appendFloat writes a number that may have a fraction as AWS does: 5 is 5.0, which the
// AWS CLI shows.
func appendFloat(dst []byte, f float64, bits int) []byte {
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, bits)
	if !bytes.ContainsAny(dst[n:], ".eIN") {
		dst = append(dst, '.', '0')
	}
	return dst
}

func appendEpoch(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(dst, ms/1000, 10)
	}
	return strconv.AppendFloat(dst, float64(ms)/1000, 'f', 3, 64)
}

// absent says whether a member is left out of an answer.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

// settle returns what v points to, making it if need be.
func settle(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}
