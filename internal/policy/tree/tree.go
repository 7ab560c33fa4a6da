// Package tree holds a document as it stands in a file, before anything is known
// about its meaning: JSON, YAML and HCL become the same values, in the order of
// the file, so that one reader can judge them all and name every fault at once.
package tree

import (
	"fmt"
	"strconv"
)

// Kind is what a value is.
type Kind uint8

// The kinds. The zero value stands for what is null or not there at all.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
	Opaque // an expression whose value the file does not state
)

// Value is one value of a document.
type Value struct {
	Kind Kind
	Text string // of a scalar; what an opaque value looks like
	Why  string // why an opaque value cannot be read
	List []Value
	// Fields are an object's, in the order of the file; no name occurs twice.
	Fields []Field
}

// Field is one name and value of an object.
type Field struct {
	Name  string
	Value Value
}

// Get is the value of a field; Null if there is none.
func (v Value) Get(name string) Value {
	for _, f := range v.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return Value{}
}

// Has says whether an object states a field, be it as null.
func (v Value) Has(name string) bool {
	for _, f := range v.Fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// String describes a value in a few words, for messages.
func (v Value) String() string {
	switch v.Kind {
	case Null:
		return "nothing"
	case String:
		return Shorten(v.Text)
	case List:
		return fmt.Sprintf("a list of %d", len(v.List))
	case Object:
		if len(v.Fields) == 1 {
			return fmt.Sprintf("an object with %q", v.Fields[0].Name)
		}
		return fmt.Sprintf("an object of %d fields", len(v.Fields))
	}
	return v.Text
}

// Shorten quotes a text and cuts it to what fits into a message.
func Shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return strconv.Quote(string(r[:most])) + "..."
	}
	return strconv.Quote(s)
}

// Text makes a string value.
func Text(s string) Value { return Value{Kind: String, Text: s} }

// Of makes an object of alternating names and values.
func Of(fields ...Field) Value { return Value{Kind: Object, Fields: fields} }
