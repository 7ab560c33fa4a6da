// Package policydoc reads what all policies of AWS have in common: in their JSON, a list of
// one may be written without its brackets ("Grammar of the IAM JSON policy language", IAM
// User Guide).
package policydoc

import (
	"bytes"
	"encoding/json"
)

// Strings is a text or a list of texts.
type Strings []string

// UnmarshalJSON reads either form.
func (l *Strings) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*l = Strings{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// Statements are one statement or a list of them. A member that a statement does not have
// is an error.
type Statements[T any] []T

// UnmarshalJSON reads either form.
func (l *Statements[T]) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("{")) {
		var one T
		err := Strictly(text, &one)
		*l = Statements[T]{one}
		return err
	}
	return Strictly(text, (*[]T)(l))
}

// Strictly is json.Unmarshal that takes no unknown members.
func Strictly(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(to)
}
