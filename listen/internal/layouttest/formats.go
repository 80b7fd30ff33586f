// SPDX-License-Identifier: Apache-2.0

package layouttest

import "github.com/otel-userevents/usereventsmetric/internal/tracefs"

// ParsedOTLP is the parsed format of a tracepoint with the three fields of OTLP.
func ParsedOTLP(name string, id int) *tracefs.Format {
	f := ParsedFieldless(name, id)
	f.Fields = append(f.Fields,
		tracefs.Field{Name: "protocol", Type: "u32", Offset: 8, Size: 4},
		tracefs.Field{Name: "version", Type: "char", Offset: 12, Size: 8, Array: true},
		tracefs.Field{Name: "buffer", Type: "__rel_loc u8", Offset: 20, Size: 4, Array: true},
	)
	return f
}

// ParsedFieldless is that of one without fields.
func ParsedFieldless(name string, id int) *tracefs.Format {
	return &tracefs.Format{Name: name, ID: id, Fields: []tracefs.Field{
		{Name: "common_type", Type: "unsigned short", Offset: 0, Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Offset: 3, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
	}}
}

// ParsedEventHeader is that of an EventHeader tracepoint.
func ParsedEventHeader(name string, id int) *tracefs.Format {
	f := ParsedFieldless(name, id)
	f.Fields = append(f.Fields,
		tracefs.Field{Name: "eventheader_flags", Type: "u8", Offset: 8, Size: 1},
		tracefs.Field{Name: "version", Type: "u8", Offset: 9, Size: 1},
		tracefs.Field{Name: "id", Type: "u16", Offset: 10, Size: 2},
		tracefs.Field{Name: "tag", Type: "u16", Offset: 12, Size: 2},
		tracefs.Field{Name: "opcode", Type: "u8", Offset: 14, Size: 1},
		tracefs.Field{Name: "level", Type: "u8", Offset: 15, Size: 1},
	)
	return f
}

// ParsedWithoutPayload is that of one in whose fields no payload can be found.
func ParsedWithoutPayload(name string, id int) *tracefs.Format {
	f := ParsedFieldless(name, id)
	f.Fields = append(f.Fields, tracefs.Field{Name: "count", Type: "u32", Offset: 8, Size: 4})
	return f
}
