// SPDX-License-Identifier: Apache-2.0

package eventtest

import (
	"fmt"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Kind is something that readers and writers have to treat in its own way.
type Kind string

// The kinds that are not of one encoding or format.
const (
	HighLevel       Kind = "level without a name"
	NoKeyword       Kind = "keyword 0"
	Group           Kind = "group"
	EventID         Kind = "id and version"
	EventTag        Kind = "tag of the event"
	EventAttribute  Kind = "attribute of the event"
	NoFields        Kind = "event without fields"
	Activity        Kind = "activity id"
	RelatedActivity Kind = "activity id and that of its parent"
	FieldTag        Kind = "tag of a field"
	FieldAttribute  Kind = "attribute of a field"
	Semicolon       Kind = "semicolon in a name"
	EmptyName       Kind = "field without a name"
	NonASCIIName    Kind = "name that is not ASCII"
	Nested          Kind = "struct in a struct"
	Deepest         Kind = "as many structs within each other as there may be"
	NestedArrays    Kind = "array of structs in an array of structs"
	NoElements      Kind = "array without elements"
	NoStructs       Kind = "array of structs without elements"
	Null            Kind = "null"
	Fitting         Kind = "format of a fixed size, in a value that has it"
	Unfitting       Kind = "format of a fixed size, in a value that has another one"
	EmptyText       Kind = "empty string"
	Control         Kind = "control character"
	BeyondBMP       Kind = "code point of two units of UTF-16"
	Mark            Kind = "byte order mark"
	UnknownFormat   Kind = "format that is not defined"
	NegativeNumber  Kind = "number whose first bit is set"
)

func encodingKind(e eventheader.Encoding, a Array) Kind {
	return Kind(fmt.Sprintf("encoding %d %s", e, [...]string{"by itself", "in a constant array", "in an array"}[a]))
}

func formatKind(e eventheader.Encoding, f eventheader.Format) Kind {
	return Kind(fmt.Sprintf("encoding %d, format %d", e, f))
}

// Kinds returns all kinds.
func Kinds() []Kind {
	kinds := []Kind{
		HighLevel, NoKeyword, Group, EventID, EventTag, EventAttribute, NoFields, Activity, RelatedActivity, FieldTag,
		FieldAttribute, Semicolon, EmptyName, NonASCIIName, Nested, Deepest, NestedArrays, NoElements, NoStructs, Null,
		Fitting, Unfitting, EmptyText, Control, BeyondBMP, Mark, UnknownFormat, NegativeNumber,
	}
	for e := eventheader.EncodingStruct; e <= eventheader.EncodingBinary; e++ {
		for _, a := range []Array{Single, Const, Var} {
			kinds = append(kinds, encodingKind(e, a))
		}
		for f := eventheader.FormatDefault; f <= eventheader.FormatIPOld && e != eventheader.EncodingStruct; f++ {
			kinds = append(kinds, formatKind(e, f))
		}
	}
	return kinds
}
