// SPDX-License-Identifier: Apache-2.0

// Package layouttest makes what tests of the readers of perf.data and of ftrace
// need: raw records as the kernel makes them, the format files that describe them, and
// a process's writes themselves.
package layouttest

import (
	"encoding/binary"
	"fmt"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Version is what the raw records say of themselves.
const Version = "v0.19.00"

// appendOrder is a byte order.
type appendOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Order returns the byte order.
func Order(big bool) interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Common is what all raw records begin with: the tracepoint's id and a thread's.
func Common(order appendOrder, id int) []byte {
	b := order.AppendUint16(nil, uint16(id))
	b = append(b, 0, 0)
	return order.AppendUint32(b, 4242)
}

// OTLP is the raw record of a write to the tracepoint with that id, in the
// layout with three fields.
func OTLP(order appendOrder, id int, payload []byte) []byte {
	return append(Common(order, id), OTLPWrite(order, payload)...)
}

// OTLPWrite is what a producer writes to it, behind the write index.
func OTLPWrite(order appendOrder, payload []byte) []byte {
	b := order.AppendUint32(nil, 0)
	b = append(b, Version...)
	b = order.AppendUint32(b, uint32(len(payload))<<16)
	return append(b, payload...)
}

// Fieldless is the raw record of a write in the layout without fields.
func Fieldless(order appendOrder, id int, payload []byte) []byte {
	return append(Common(order, id), FieldlessWrite(order, payload)...)
}

// FieldlessWrite is what a producer writes to it, behind the write index.
func FieldlessWrite(order appendOrder, payload []byte) []byte {
	return append(order.AppendUint32(nil, uint32(len(payload))), payload...)
}

// EventHeaderWrite is an EventHeader event with one field, "text", as a process
// writes it behind the write index.
func EventHeaderWrite(order appendOrder, level eventheader.Level, name, text string) []byte {
	const metadata = 1
	flags := eventheader.FlagPointer64 | eventheader.FlagExtension
	if order.Uint16([]byte{1, 0}) == 1 {
		flags |= eventheader.FlagLittleEndian
	}
	b := []byte{byte(flags), 0, 0, 0, 0, 0, 0, byte(level)}
	definition := append([]byte(name+"\x00text\x00"), byte(eventheader.EncodingChar8))
	b = order.AppendUint16(b, uint16(len(definition)))
	b = order.AppendUint16(b, metadata)
	b = append(b, definition...)
	b = order.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

const commonFields = `	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

`

const otlpFields = `	field:u32 protocol;	offset:8;	size:4;	signed:0;
	field:char version[];	offset:12;	size:8;	signed:1;
	field:__rel_loc u8 buffer[];	offset:20;	size:4;	signed:1;
`

const eventHeaderFields = `	field:u8 eventheader_flags;	offset:8;	size:1;	signed:0;
	field:u8 version;	offset:9;	size:1;	signed:0;
	field:u16 id;	offset:10;	size:2;	signed:0;
	field:u16 tag;	offset:12;	size:2;	signed:0;
	field:u8 opcode;	offset:14;	size:1;	signed:0;
	field:u8 level;	offset:15;	size:1;	signed:0;
`

const execFields = `	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:pid_t old_pid;	offset:16;	size:4;	signed:1;
`

// EventHeaderFormat is the text of the format file of an EventHeader tracepoint.
func EventHeaderFormat(name string, id int) string { return Format(name, id, eventHeaderFields) }

// ExecFormat is that of sched:sched_process_exec.
func ExecFormat(id int) string { return Format("sched_process_exec", id, execFields) }

// Exec is the raw record of sched:sched_process_exec.
func Exec(order appendOrder, id int, filename string, pid int) []byte {
	b := order.AppendUint32(Common(order, id), uint32(len(filename)+1)<<16|20)
	b = order.AppendUint32(b, uint32(pid))
	b = order.AppendUint32(b, uint32(pid))
	return append(append(b, filename...), 0)
}

// Format is the text of the format file of a tracepoint with these fields, each
// a line as in that file.
func Format(name string, id int, fields string) string { return format(name, id, fields, `""`) }

// OTLPFormat is that of one with the three fields.
func OTLPFormat(name string, id int) string {
	return format(name, id, otlpFields,
		`"protocol=%u version=%s buffer=%llu", REC->protocol, REC->version, REC->buffer`)
}

func format(name string, id int, fields, print string) string {
	return fmt.Sprintf("name: %s\nID: %d\nformat:\n%s%s\nprint fmt: %s\n", name, id, commonFields, fields, print)
}
