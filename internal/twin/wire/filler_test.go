package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/cbor"
)

// filler makes values that every member survives in.
type filler struct{ r *rand.Rand }

var (
	timeOf = reflect.TypeFor[time.Time]()
	reader = reflect.TypeFor[io.Reader]()
	closer = reflect.TypeFor[io.ReadCloser]()
)

func (f filler) fill(v reflect.Value, depth int) {
	t := v.Type()
	switch {
	case t == timeOf:
		v.Set(reflect.ValueOf(time.Unix(1700000000+f.r.Int63n(1e6), 0).UTC()))
	case t == reader || t == closer:
		v.Set(reflect.ValueOf(stream{strings.NewReader("streamed")}))
	case t.Kind() == reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct && t.Elem() != timeOf && depth <= 0 {
			return
		}
		v.Set(reflect.New(t.Elem()))
		f.fill(v.Elem(), depth)
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if sf := t.Field(i); sf.IsExported() && sf.Name != "ResultMetadata" {
				f.fill(v.Field(i), depth-1)
			}
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte("blob\x00\xff"))
	case t.Kind() == reflect.Slice && depth > 0:
		v.Set(reflect.MakeSlice(t, 2, 2))
		for i := range 2 {
			f.fill(v.Index(i), depth-1)
		}
	case t.Kind() == reflect.Map && depth > 0:
		e := reflect.New(t.Elem()).Elem()
		f.fill(e, depth-1)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("k1").Convert(t.Key()), e)
	case t.Kind() == reflect.String:
		v.SetString(f.text(t))
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		v.SetInt(1 + f.r.Int63n(100))
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		v.SetFloat(1.5)
	}
}

// text is an enum's value or something that must be escaped.
func (f filler) text(t reflect.Type) string {
	if m, ok := t.MethodByName("Values"); ok {
		return m.Func.Call([]reflect.Value{reflect.Zero(t)})[0].Index(0).String()
	}
	return fmt.Sprintf("s<&>'\"ü%d", f.r.Intn(1000))
}

// sane replaces values that the SDK's client itself refuses or changes.
func (f filler) sane(v reflect.Value) {
	for name, value := range map[string]string{
		"Bucket": "box", "ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA==", "RequestPayer": "requester", "ETag": `"tag"`, "ExpiresString": "",
		"ContentType": "text/plain", "ContentEncoding": "gzip", "MultiRegionAccessPoint": "", "EndpointId": "",
	} {
		if fv := v.FieldByName(name); fv.IsValid() && fv.Kind() == reflect.Pointer {
			fv.Set(reflect.ValueOf(&value))
			if value == "" {
				fv.SetZero()
			}
		}
	}
	t := v.Type()
	for i := range t.NumField() {
		name := t.Field(i).Name
		switch {
		case name == "Aggregators": // of inventory: they hold themselves, and ever deeper ones are cut short
			for k := range v.Field(i).Len() {
				v.Field(i).Index(k).FieldByName(name).SetZero()
			}
		case strings.HasPrefix(name, "Checksum") && strings.Contains(t.PkgPath(), "/s3"), strings.HasPrefix(name, "SSECustomer"), strings.HasPrefix(name, "ObjectLockEventHold"), name == "AnnotationDirective", // newer than the model
			name == "Expires" || name == "ContentLength" || name == "MissingMeta":
			v.Field(i).SetZero()
		case t.Field(i).Type == reflect.TypeFor[*string]() && (strings.Contains(t.PkgPath(), "/s3") || strings.Contains(t.PkgPath(), "/ebs")) && !v.Field(i).IsNil():
			// Headers hold no such characters.
			v.Field(i).Set(reflect.ValueOf(aws.String(strings.NewReplacer("<", "", ">", "", "&", "", "ü", "", "'", "").Replace(v.Field(i).Elem().String()))))
		}
	}
}

// readable is a copy in which streams are replaced by what they hold.
func (f filler) readable(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type().Elem())
	out.Elem().Set(v.Elem())
	for i := range out.Elem().NumField() {
		fv := out.Elem().Field(i)
		if fv.Type() != reader && fv.Type() != closer || fv.IsNil() {
			continue
		}
		text, _ := io.ReadAll(fv.Interface().(io.Reader))
		v.Elem().Field(i).Set(reflect.ValueOf(stream{strings.NewReader(string(text))}))
		fv.Set(reflect.ValueOf(fixed(text)))
	}
	return out
}

// stream can be read twice, as the SDK's signer does.
type stream struct{ *strings.Reader }

func (stream) Close() error { return nil }

// fixed is a stream that compares by its content.
type fixed string

func (fixed) Read([]byte) (int, error) { return 0, io.EOF }
func (fixed) Close() error             { return nil }

// snapshot is one of the SDK's golden requests.
type snapshot struct {
	method, path string
	header       http.Header
	body         []byte
}

func readSnapshot(name string) (snapshot, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return snapshot{}, err
	}
	first, rest, _ := bytes.Cut(text, []byte("\n\n"))
	head, body, _ := bytes.Cut(rest, []byte("\n\n"))
	s := snapshot{header: http.Header{}, body: bytes.TrimSpace(body)}
	s.method, s.path, _ = strings.Cut(string(first), " ")
	for _, line := range strings.Split(string(head), "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok {
			s.header.Set(k, v)
		}
	}
	return s, nil
}

func (s snapshot) request() *http.Request {
	r, err := http.NewRequest(s.method, "http://127.0.0.1"+s.path, bytes.NewReader(s.body))
	if err != nil {
		panic(err)
	}
	r.Header = s.header
	return r
}

// normal is a body in a form that compares whatever the order of its members.
func normal(body []byte) string {
	if bytes.HasPrefix(body, []byte("{")) {
		var x any
		if json.Unmarshal(body, &x) == nil {
			text, _ := json.MarshalIndent(x, "", " ")
			return string(text)
		}
	}
	if len(body) > 0 && body[0]>>5 == 5 { // a CBOR map; no text begins with this byte
		if x, err := cbor.Decode(body); err == nil {
			return fmt.Sprint(untagged(x)) // fmt sorts maps
		}
	}
	q, _ := url.ParseQuery(string(body))
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(q)) {
		lines = append(lines, k+"="+q.Get(k))
	}
	return strings.Join(lines, "\n")
}

// untagged puts a tag's number and value where fmt would print an address.
func untagged(v cbor.Value) any {
	switch v := v.(type) {
	case *cbor.Tag:
		return fmt.Sprintf("tag %d of %v", v.ID, untagged(v.Value))
	case cbor.Map:
		out := map[string]any{}
		for k, x := range v {
			out[k] = untagged(x)
		}
		return out
	case cbor.List:
		var out []any
		for _, x := range v {
			out = append(out, untagged(x))
		}
		return out
	}
	return v
}

// moduleDir is where the module of an SDK service is.
func moduleDir(t testing.TB, service string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	if err != nil {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatalf("find the module of %s: %v", service, err)
		}
		t.Skipf("the go command cannot tell where the module of %s is: %v", service, err)
	}
	return strings.TrimSpace(string(out))
}
