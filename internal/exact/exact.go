// Package exact reads JSON that a program of ours wrote: every key that the value has
// must be there, and no other. What merely resembles the contract is an error, because
// a misread answer would look like an answer.
package exact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Decode reads data into the struct that into points to. Keys compare by case; null
// stands only for a pointer.
func Decode(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return cause(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the value")
	}
	if err := match(reflect.TypeOf(into).Elem(), tree, ""); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// cause says what a text that breaks off is: its last words alone would puzzle.
func cause(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the text is empty or breaks off")
	}
	return err
}

// match holds the keys of tree to the fields of t; at is where it stands.
func match(t reflect.Type, tree any, at string) error {
	if t.Kind() == reflect.Pointer {
		if tree == nil {
			return nil
		}
		t = t.Elem()
	}
	if tree == nil {
		return fmt.Errorf("%s is null", place(at))
	}
	switch t.Kind() {
	case reflect.Struct:
		return matchObject(t, tree, at)
	case reflect.Slice:
		list, ok := tree.([]any)
		if !ok {
			return fmt.Errorf("%s is not a list", place(at))
		}
		for i, v := range list {
			if err := match(t.Elem(), v, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil // what a scalar is, Unmarshal checks
}

func matchObject(t reflect.Type, tree any, at string) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is not an object", place(at))
	}
	var known []string
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known = append(known, key)
		v, ok := object[key]
		if !ok {
			return fmt.Errorf("%s has no key %q", place(at), key)
		}
		if err := match(t.Field(i).Type, v, strings.TrimPrefix(at+"."+key, ".")); err != nil {
			return err
		}
	}
	for key := range object {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s has an unknown key %q", place(at), key)
		}
	}
	return nil
}

func place(at string) string {
	if at == "" {
		return "the value"
	}
	return at
}
