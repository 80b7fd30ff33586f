// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func rawCommon(id int) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(id))
	b = append(b, 0, 0)
	return binary.NativeEndian.AppendUint32(b, 4242)
}

func rawOTLP(id int, payload string) []byte {
	b := rawCommon(id)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, "v0.19.00"...)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(payload))<<16)
	return append(b, payload...)
}

func rawFieldless(id int, payload string) []byte {
	b := rawCommon(id)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

func otlpFormat(name string, id int) *tracefs.Format {
	f := fieldlessFormat(name, id)
	f.Fields = append(f.Fields,
		tracefs.Field{Name: "protocol", Type: "u32", Offset: 8, Size: 4},
		tracefs.Field{Name: "version", Type: "char", Offset: 12, Size: 8, Array: true},
		tracefs.Field{Name: "buffer", Type: "__rel_loc u8", Offset: 20, Size: 4, Array: true},
	)
	return f
}

func fieldlessFormat(name string, id int) *tracefs.Format {
	return &tracefs.Format{Name: name, ID: id, Fields: []tracefs.Field{
		{Name: "common_type", Type: "unsigned short", Offset: 0, Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Offset: 3, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
	}}
}
