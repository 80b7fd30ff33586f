// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// declared is a field as a format file declares it.
type declared struct {
	name, typ string
	offset    int // in the record, of the data or of the word that says where it is
	size      int // there, in bytes
	location  location
	kind      Kind
	element   int // size of one value in bytes
	array     bool
}

// location is where the data of a field is.
type location int

const (
	inline   location = iota
	absolute          // its offset counts from the start of the record (__data_loc)
	relative          // its offset counts from the end of the word (__rel_loc)
)

// scalar is a C type of which the name alone says what it is.
type scalar struct {
	size     int // in bytes
	unsigned bool
}

// ofLong is the size of a long, which is the machine's.
const ofLong = -1

// scalars are those of kernel headers, and of user_events' declarations. What
// the kernel says of a field being signed is wrong for dynamic arrays of user
// events, so that names are asked first.
var scalars = map[string]scalar{
	"char": {1, false}, "signed char": {1, false}, "unsigned char": {1, true},
	"short": {2, false}, "unsigned short": {2, true},
	"int": {4, false}, "unsigned": {4, true}, "unsigned int": {4, true},
	"long": {ofLong, false}, "unsigned long": {ofLong, true}, "size_t": {ofLong, true}, "ssize_t": {ofLong, false},
	"long long": {8, false}, "unsigned long long": {8, true},
}

func init() {
	for name, size := range map[string]int{"8": 1, "16": 2, "32": 4, "64": 8} {
		for _, form := range []string{"u%", "__u%", "uint%_t"} {
			scalars[strings.Replace(form, "%", name, 1)] = scalar{size, true}
		}
		for _, form := range []string{"s%", "__s%", "int%_t"} {
			scalars[strings.Replace(form, "%", name, 1)] = scalar{size, false}
		}
	}
}

// declare says how a field is read.
func declare(fd tracefs.Field, longSize int) declared {
	// Its strings are parts of the format's text, which need not be kept.
	fd.Name, fd.Type = strings.Clone(fd.Name), strings.Clone(fd.Type)
	d := declared{name: fd.Name, typ: fd.Type, offset: fd.Offset, size: fd.Size, array: fd.Array}
	if fd.Size == 4 {
		if fd.DataLoc() {
			d.location = absolute
		} else if fd.RelLoc() {
			d.location = relative
		}
	}
	if d.location != inline {
		_, d.typ, _ = strings.Cut(fd.Type, " ")
		d.array = true
	}
	plain := strings.TrimPrefix(d.typ, "const ")
	known, isKnown := scalars[plain]
	d.element = elementSize(fd, d.location, known.size, longSize)
	switch {
	case d.array && plain == "char":
		d.kind, d.array = KindString, false
	case strings.HasSuffix(plain, "*") && !d.array:
		d.kind = KindPointer
	case d.element == 0, d.array && isKnown && known.unsigned && d.element == 1:
		d.kind, d.array = KindBytes, false
	case plain == "bool" || plain == "_Bool":
		d.kind = KindBool
	case isKnown && known.unsigned, !isKnown && !fd.Signed:
		d.kind = KindUint
	default:
		d.kind = KindInt
	}
	return d
}

// elementSize is the size of one value in bytes, 0 if the bytes are all that is
// known of it. The number of elements as declared counts only for types that do
// not say their size: user_events, which has none of those, prints any number.
func elementSize(fd tracefs.Field, loc location, known, longSize int) int {
	size := fd.Size
	switch {
	case !fd.Array && loc == inline:
	case known > 0:
		size = known
	case loc == inline && fd.Count > 0 && fd.Size%fd.Count == 0:
		size = fd.Size / fd.Count
	case known == ofLong:
		size = longSize
	default:
		size = 0
	}
	switch size {
	case 1, 2, 4, 8:
		return size
	}
	return 0
}
