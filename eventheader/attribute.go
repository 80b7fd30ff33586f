// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"bytes"
	"strings"
)

// name is a name as it is in the metadata, with any attributes behind it: "name;key=value;key=value". A semicolon
// within a name or a value is doubled.
type name []byte

// cut returns what is in front of the first semicolon that stands alone, and what is behind it.
func (n name) cut() (before, after []byte, found bool) {
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

// text is the name itself.
func (n name) text() []byte {
	before, _, _ := n.cut()
	return undouble(before)
}

// appendText appends the name itself, for JSON. It does not allocate for a name with a semicolon in it, as text does.
func (n name) appendText(dst []byte) []byte {
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

func (n name) attribute(key string) (value string, ok bool) {
	_, rest, more := n.cut()
	for more {
		var one []byte
		one, rest, more = name(rest).cut()
		if k, v, isPair := bytes.Cut(one, []byte{'='}); isPair && string(k) == key {
			return string(undouble(v)), true
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
