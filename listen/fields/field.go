// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
)

// Kind is what kind of value a field has.
type Kind int

// The kinds of values.
const (
	KindBytes   Kind = iota // Field.Bytes is all that is known, or it is declared as bytes
	KindInt                 // a signed integer of 1, 2, 4 or 8 bytes
	KindUint                // an unsigned one
	KindBool                // true unless zero
	KindPointer             // an address
	KindString              // text up to a zero byte
)

var kindNames = [...]string{"bytes", "int", "uint", "bool", "pointer", "string"}

// String returns the kind's name: "int", for example.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// Field is a field of one record. It refers to the record's memory.
type Field struct {
	// Name is the field's name.
	Name string
	// Type is the C type as declared, without brackets: "pid_t", "char".
	Type string
	// Kind is that of the value, or of each element of an array.
	Kind Kind
	// Array is true if there are Len values of the kind.
	Array bool
	// Err matches [ErrOutside] if the record does not have the field's data,
	// which is the writer's fault. There is no value then.
	Err error

	data  []byte
	size  int // of one value in bytes
	order binary.ByteOrder
}

// Len is the number of values: 1 if the field is no array, 0 if Err is set.
func (f Field) Len() int {
	switch {
	case f.Err != nil:
		return 0
	case !f.Array:
		return 1
	}
	return len(f.data) / f.size
}

// Bytes are the field's bytes, in the byte order of the record.
func (f Field) Bytes() []byte { return f.data }

// Uint is the i-th value, the first being 0: of an unsigned or signed integer,
// a bool or a pointer. It is 0 for other kinds, and where there is no such value.
func (f Field) Uint(i int) uint64 {
	if f.Kind == KindBytes || f.Kind == KindString || i < 0 || i >= f.Len() {
		return 0
	}
	b := f.data[i*f.size:]
	switch f.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(f.order.Uint16(b))
	case 4:
		return uint64(f.order.Uint32(b))
	}
	return f.order.Uint64(b)
}

// Int is Uint with the sign of an integer of the value's size.
func (f Field) Int(i int) int64 {
	shift := 64 - 8*f.size
	return int64(f.Uint(i)<<shift) >> shift
}

// Text is the bytes of a string, up to the first zero byte. They need not be
// UTF-8. It is nil for other kinds.
func (f Field) Text() []byte {
	if f.Kind != KindString {
		return nil
	}
	if end := bytes.IndexByte(f.data, 0); end >= 0 {
		return f.data[:end]
	}
	return f.data
}

// AppendText appends the value as text: numbers in decimal, pointers with 0x,
// bytes in hex with blanks between them, arrays in brackets. Strings are as
// they were written, control characters included.
func (f Field) AppendText(dst []byte) []byte {
	if f.Err != nil {
		return append(dst, "<"+f.Err.Error()+">"...)
	}
	if f.Kind == KindString {
		return append(dst, f.Text()...)
	}
	return f.appendValues(dst, ", ", "")
}

// AppendJSON appends the value as JSON: numbers, booleans and arrays as such,
// pointers and bytes as strings of AppendText's form, a field with an Err as
// null. Bytes of a string that are not UTF-8 become U+FFFD.
func (f Field) AppendJSON(dst []byte) []byte {
	switch {
	case f.Err != nil:
		return append(dst, "null"...)
	case f.Kind == KindString:
		return AppendJSONString(dst, f.Text())
	}
	return f.appendValues(dst, ",", `"`)
}

// appendValues appends all values that are no strings, with quotes around what
// is no number in JSON.
func (f Field) appendValues(dst []byte, separator, quote string) []byte {
	if !f.Array {
		return f.appendValue(dst, 0, quote)
	}
	dst = append(dst, '[')
	for i := range f.Len() {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = f.appendValue(dst, i, quote)
	}
	return append(dst, ']')
}

func (f Field) appendValue(dst []byte, i int, quote string) []byte {
	switch f.Kind {
	case KindInt:
		return strconv.AppendInt(dst, f.Int(i), 10)
	case KindUint:
		return strconv.AppendUint(dst, f.Uint(i), 10)
	case KindBool:
		return strconv.AppendBool(dst, f.Uint(i) != 0)
	case KindPointer:
		dst = append(append(dst, quote...), "0x"...)
		return append(strconv.AppendUint(dst, f.Uint(i), 16), quote...)
	}
	dst = append(dst, quote...)
	return append(fmt.Appendf(dst, "% x", f.data), quote...)
}

// AppendJSONString appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendJSONString[T string | []byte](dst []byte, text T) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// It cannot fail for a string and a buffer.
	_ = e.Encode(string(text))
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
