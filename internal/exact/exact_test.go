package exact

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

type inner struct {
	Name string `json:"name"`
}

type outer struct {
	Number int      `json:"number"`
	Texts  []string `json:"texts"`
	List   []inner  `json:"list"`
	Maybe  *inner   `json:"maybe"`
}

const whole = `{"number":1,"texts":["a"],"list":[{"name":"b"}],"maybe":null}`

func TestAValueWithExactlyItsKeysIsRead(t *testing.T) {
	var got outer
	if err := Decode([]byte(" "+whole+"\n"), &got); err != nil {
		t.Fatal(err)
	}
	want := outer{Number: 1, Texts: []string{"a"}, List: []inner{{"b"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestWhatOnlyResemblesTheContractIsRefusedAndNamed(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":             {"", "breaks off"},
		"cut":                 {whole[:20], "breaks off"},
		"no JSON":             {"ERROR: access denied", "invalid character"},
		"text after it":       {whole + "{}", "after the value"},
		"another value":       {`[]`, "the value is not an object"},
		"null":                {`null`, "the value is null"},
		"missing key":         {strings.Replace(whole, `"number":1,`, "", 1), `no key "number"`},
		"key in another case": {strings.Replace(whole, `"number"`, `"Number"`, 1), `no key "number"`},
		"unknown key":         {strings.Replace(whole, `{"number"`, `{"more":2,"number"`, 1), `unknown key "more"`},
		"null list":           {strings.Replace(whole, `["a"]`, `null`, 1), "texts is null"},
		"null in a list":      {strings.Replace(whole, `["a"]`, `[null]`, 1), "texts[0] is null"},
		"list unrolled":       {strings.Replace(whole, `["a"]`, `"a"`, 1), "texts is not a list"},
		"list as an object":   {strings.Replace(whole, `["a"]`, `{"value":["a"],"Count":1}`, 1), "texts is not a list"},
		"missing key inside":  {strings.Replace(whole, `{"name":"b"}`, `{}`, 1), `list[0] has no key "name"`},
		"number as text":      {strings.Replace(whole, `1`, `"1"`, 1), "cannot unmarshal"},
		"number with a part":  {strings.Replace(whole, `1`, `1.5`, 1), "cannot unmarshal"},
	} {
		var got outer
		err := Decode([]byte(c.text), &got)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzWhatIsReadIsWrittenTheSame(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"number":-0,"texts":[],"list":[],"maybe":{"name":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, again outer
		if Decode(data, &got) != nil {
			return
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(text, &again); err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s became %s: %v", data, text, err)
		}
	})
}
