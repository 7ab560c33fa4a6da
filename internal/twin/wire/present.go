package wire

import (
	"reflect"
	"unsafe"
)

// word says how the memory of a member tells that it is not there.
type word uint8

const (
	always  word = iota // it is always there
	pointer             // a pointer, slice, map or interface: its first word is nil
	text                // a string: its length is 0
)

func wordOf(t reflect.Type) word {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return pointer
	case reflect.String:
		return text
	}
	return always
}

// base is where a structure is in memory, or nil if it has no address.
//
// An instance of EC2 has over seventy members, of which most are absent, and a page has
// a thousand of them: looking at each through reflect took more time than all else.
// Only reads, and only of what v keeps alive.
func base(v reflect.Value) unsafe.Pointer {
	if !v.CanAddr() {
		return nil
	}
	return v.Addr().UnsafePointer()
}

// absentIn is absent of the member of the structure v, which begins at b.
func (f *field) absentIn(b unsafe.Pointer, v reflect.Value) bool {
	switch {
	case b == nil:
		return absent(v.Field(f.index))
	case f.word == pointer:
		return *(*unsafe.Pointer)(unsafe.Add(b, f.offset)) == nil
	case f.word == text:
		return *(*string)(unsafe.Add(b, f.offset)) == ""
	}
	return false
}
