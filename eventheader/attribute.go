// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"bytes"
	"iter"
	"strings"
)

// RawName is the name of an event or of a field as it was written, with any attributes behind it:
// "name;key=value;key=value". A semicolon within the name or a value is doubled.
type RawName []byte

// cut returns what is in front of the first semicolon that stands alone, and what is behind it.
func (n RawName) cut() (before, after []byte, found bool) {
	for i := 0; i < len(n); i++ {
		next := bytes.IndexByte(n[i:], ';')
		if next < 0 {
			break
		}
		if i += next; i+1 == len(n) || n[i+1] != ';' {
			return n[:i], n[i+1:], true
		}
		i++
	}
	return n, nil, false
}

// Name returns the name itself. It allocates only for a name with a semicolon in it.
func (n RawName) Name() []byte {
	before, _, _ := n.cut()
	return undouble(before)
}

// appendText appends the name itself, for JSON. It does not allocate for a name with a semicolon in it, as Name does.
func (n RawName) appendText(dst []byte) []byte {
	before, _, _ := n.cut()
	for {
		part, rest, found := bytes.Cut(before, doubled)
		dst = appendUTF8(dst, part, true)
		if !found {
			return dst
		}
		dst = append(dst, ';')
		before = rest
	}
}

// Attributes returns the attributes in the order in which they were written.
func (n RawName) Attributes() iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		_, rest, more := n.cut()
		for more {
			var one []byte
			one, rest, more = RawName(rest).cut()
			key, value, isPair := bytes.Cut(one, []byte{'='})
			if isPair && !yield(string(key), string(undouble(value))) {
				return
			}
		}
	}
}

// Attribute returns the value of the first attribute of a key.
func (n RawName) Attribute(key string) (value string, ok bool) {
	for k, v := range n.Attributes() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

var doubled = []byte(";;")

// undouble returns b with single semicolons for doubled ones. It allocates only where there is one.
func undouble(b []byte) []byte {
	if !bytes.Contains(b, doubled) {
		return b
	}
	return bytes.ReplaceAll(b, doubled, doubled[:1])
}

// appendDoubled appends s with doubled semicolons for single ones.
func appendDoubled(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, ';')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:i]...), doubled...)
		s = s[i+1:]
	}
}
