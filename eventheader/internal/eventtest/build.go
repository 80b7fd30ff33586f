// SPDX-License-Identifier: Apache-2.0

package eventtest

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Build builds the event with b.
func (e *Event) Build(b *eventheader.Builder) {
	b.Reset(e.Name, e.Tag).ID(e.ID, e.Version).Opcode(e.Opcode)
	for _, a := range e.Attributes {
		b.EventAttribute(a.Key, a.Value)
	}
	switch len(e.Activity) {
	case 1:
		b.ActivityID(e.Activity[0])
	case 2:
		b.ActivityIDs(e.Activity[0], e.Activity[1])
	}
	buildFields(b, e.Fields)
}

func buildFields(b *eventheader.Builder, fields []Field) {
	for i := range fields {
		f := &fields[i]
		b.Tag(f.Tag)
		for _, a := range f.Attributes {
			b.Attribute(a.Key, a.Value)
		}
		switch {
		case f.Encoding == eventheader.EncodingStruct:
			f.buildStruct(b)
		case f.Array == Single:
			f.buildValue(b, f.Values[0])
		case f.Array == Const:
			b.ConstArray(f.Name, f.Encoding, f.Format, len(f.Values))
			f.buildElements(b)
		default:
			b.Array(f.Name, f.Encoding, f.Format, len(f.Values))
			f.buildElements(b)
		}
	}
}

func (f *Field) buildStruct(b *eventheader.Builder) {
	switch f.Array {
	case Single:
		b.BeginStruct(f.Name)
		buildFields(b, f.Values[0].Fields)
		b.EndStruct()
		return
	case Const:
		b.BeginConstStructArray(f.Name, len(f.Values))
	case Var:
		b.BeginStructArray(f.Name, len(f.Values))
	}
	for _, v := range f.Values {
		buildFields(b.NextElement(), v.Fields)
	}
	if len(f.Values) == 0 {
		buildFields(b.NextElement(), f.Template)
	}
	b.EndStruct()
}

func (f *Field) buildValue(b *eventheader.Builder, v Value) {
	switch f.Encoding {
	case eventheader.EncodingValue8:
		b.Value8(f.Name, uint8(v.Number), f.Format)
	case eventheader.EncodingValue16:
		b.Value16(f.Name, uint16(v.Number), f.Format)
	case eventheader.EncodingValue32:
		b.Value32(f.Name, uint32(f.native(v)), f.Format)
	case eventheader.EncodingValue64:
		b.Value64(f.Name, f.native(v), f.Format)
	case eventheader.EncodingValue128:
		b.Value128(f.Name, [16]byte(v.Bytes), f.Format)
	case eventheader.EncodingBinary:
		b.Binary(f.Name, f.nativeBytes(v), f.Format)
	case eventheader.EncodingChar8:
		b.Text(f.Name, string(f.nativeBytes(v)), f.Encoding, f.Format)
	default:
		b.Text(f.Name, v.Text, f.Encoding, f.Format)
	}
}

func (f *Field) buildElements(b *eventheader.Builder) {
	for _, v := range f.Values {
		switch f.Encoding {
		case eventheader.EncodingValue8:
			b.Element8(uint8(v.Number))
		case eventheader.EncodingValue16:
			b.Element16(uint16(v.Number))
		case eventheader.EncodingValue32:
			b.Element32(uint32(f.native(v)))
		case eventheader.EncodingValue64:
			b.Element64(f.native(v))
		case eventheader.EncodingValue128:
			b.Element128([16]byte(v.Bytes))
		case eventheader.EncodingBinary:
			b.ElementBytes(f.nativeBytes(v))
		case eventheader.EncodingChar8:
			b.ElementString(string(f.nativeBytes(v)))
		default:
			b.ElementString(v.Text)
		}
	}
}

// Native is the writer that this process is.
var Native = Writer{nativeOrder(), ^uint(0)>>32 > 0}

func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// native returns the number that the builder is to be given, which knows the network order of ports only.
func (f *Field) native(v Value) uint64 {
	if v.Size != 4 || !isNetworkOrder(f.Format, v.Size) {
		return v.Number
	}
	return uint64(binary.NativeEndian.Uint32(f.nativeBytes(v)))
}

func (f *Field) nativeBytes(v Value) []byte {
	_, value, _ := Native.Value(f, v)
	return value
}
