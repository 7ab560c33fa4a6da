package strict

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

type embedded struct {
	Name string `json:"Name"`
}

type document struct {
	embedded
	List  []item          `json:"List,omitempty"`
	One   *item           `json:"One"`
	Free  map[string]item `json:"Free"`
	Raw   json.RawMessage `json:"Raw"`
	Time  time.Time       `json:"Time"`
	Plain int
	Not   string `json:"-"`
	own   string
}

type item struct {
	Key string `json:"key"`
}

func TestDecodeReadsWhatIsThere(t *testing.T) {
	var d document
	err := Decode([]byte(` {"Name":"n","List":[{"key":"a"},{}],"One":{"key":"b"},"Free":{"x":{"key":"c"},"X":{}},"Raw":{"any":[{"thing":1}]},"Time":"2025-01-01T00:00:00Z","Plain":3} `), &d)
	if err != nil || d.Name != "n" || d.List[0].Key != "a" || d.One.Key != "b" || d.Free["x"].Key != "c" || d.Plain != 3 || d.Time.IsZero() || d.own != "" {
		t.Errorf("%+v, %v", d, err)
	}
	if err := Decode([]byte("null"), &d); err != nil {
		t.Error(err)
	}
}

func TestEveryFaultIsNamedWithItsPath(t *testing.T) {
	var d document
	err := Decode([]byte(`{"name":"n","List":[{"key":"a"},{"Key":"b","key":"x","key":"y"}],"One":{"kee":1},"Free":{"x":{"z":1},"x":{}},"Raw":{"a":1,"a":2},"Not":"","own":"","Nested":{"deep":1}}`), &d)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range e.Faults {
		got = append(got, f.Path)
	}
	want := []string{"name", "List[1].Key", "List[1].key", "One.kee", "Free.x.z", "Free.x", "Not", "own", "Nested"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, w := range []string{`field is written Name, unknown field "name"`, `a second field "key" in List[1]`, `unknown field "kee" in One`} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s is not in %v", w, err)
		}
	}
	if got := In("top", err).Error(); !strings.Contains(got, `"kee" in top.One`) {
		t.Error(got)
	}
	if other := errors.New("x"); !errors.Is(In("top", other), other) {
		t.Error("another error was changed")
	}
}

func TestWhatIsNoSingleValueIsRefused(t *testing.T) {
	var d document
	for _, text := range []string{"", "{", "{} {}", "{}x", `{"Name":1}`, `[]`, strings.Repeat("[", 20000) + strings.Repeat("]", 20000)} {
		if err := Decode([]byte(text), &d); err == nil {
			t.Errorf("%.20s was taken", text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"Name":"n","List":[{"key":"a"}],"Free":{"x":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, b document
		if Decode(data, &a) == nil && json.Unmarshal(data, &b) != nil {
			t.Fatal("taken, and no JSON of this type")
		}
	})
}
