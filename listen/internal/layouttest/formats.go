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
	return parse(EventHeaderFormat(name, id))
}

// ParsedExec is that of sched:sched_process_exec.
func ParsedExec(id int) *tracefs.Format { return parse(ExecFormat(id)) }

func parse(text string) *tracefs.Format {
	f, err := tracefs.ParseFormat(text)
	if err != nil {
		panic(err)
	}
	return f
}

// ParsedWithoutPayload is that of one in whose fields no payload can be found.
func ParsedWithoutPayload(name string, id int) *tracefs.Format {
	f := ParsedFieldless(name, id)
	f.Fields = append(f.Fields, tracefs.Field{Name: "count", Type: "u32", Offset: 8, Size: 4})
	return f
}
