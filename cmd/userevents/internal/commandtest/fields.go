// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// Hostile is text on which a terminal would act.
const Hostile = "\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"

// BuildEveryField builds an event with a field of each type.
func BuildEveryField(b *eventheader.Builder) {
	b.Reset("every;field", 0x12).ID(7, 1).Opcode(eventheader.OpcodeActivityStart).
		ActivityIDs(eventheader.ID{0xab}, eventheader.ID{0xcd})
	b.Attribute("unit", "s;1").Tag(0x1F).Float64("time;taken", 0.25)
	b.Bool("ok", true).Value8("neither", 2, eventheader.FormatBoolean)
	b.Uint8("u8", 255).Int16("s16", -2).Uint64("u64", 1<<64-1).Value32("hex", 0x1F, eventheader.FormatHex)
	b.Float32("f32", 0.1).Float64("large", 1e300).Float32("whole", 1<<24)
	b.Errno("errno", 2).Time("time", time.Unix(0, 0)).UUID("uuid", eventheader.ID{1})
	b.Port("port", 443).Address("address", netip.MustParseAddr("2001:db8::1"))
	b.Binary("bytes", []byte{0, 255}, eventheader.FormatDefault).Binary("null", nil, eventheader.FormatSigned)
	b.Text("utf16", "世界", eventheader.EncodingZChar16, eventheader.FormatDefault)
	b.String("number", "5").String("empty", "").String(Hostile, Hostile)
	b.BeginStruct("PartB").String("name", "order placed").BeginStruct("inner").Int32("n", -1).EndStruct().EndStruct()
	b.Array("codes", eventheader.EncodingValue16, eventheader.FormatDefault, 2).Element16(200).Element16(65535)
	b.Array("signed", eventheader.EncodingValue8, eventheader.FormatSigned, 2).Element8(0x80).Element8(0x7f)
	b.Array("bools", eventheader.EncodingValue8, eventheader.FormatBoolean, 3).Element8(0).Element8(1).Element8(5)
	b.Array("floats", eventheader.EncodingValue32, eventheader.FormatFloat, 4).
		Element32(0x7fc00000).Element32(0xff800000).Element32(0x3f800000).Element32(0xffc00000)
	b.Array("nullable", eventheader.EncodingBinary, eventheader.FormatSigned, 2).
		ElementBytes(nil).ElementBytes([]byte{9})
	b.Array("texts", eventheader.EncodingChar8, eventheader.FormatDefault, 2).ElementString("a b").ElementString("")
	b.Array("none", eventheader.EncodingValue8, eventheader.FormatDefault, 0)
	b.BeginStructArray("items", 2).
		NextElement().String("name", "pen").Int32("count", 1).
		NextElement().String("name", "ink").Int32("count", 1<<20).EndStruct()
}

const execFormat = `name: sched_process_exec
ID: 300
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:__data_loc char[] filename;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:u16 ids[2];	offset:16;	size:4;	signed:0;
`

// FieldEvents are events that have no metrics, written at Noon: EventHeader events
// with every field and with none, and one of the kernel's.
func FieldEvents(t testing.TB) (events []listen.Event) {
	t.Helper()
	var b eventheader.Builder
	for _, build := range []func(){
		func() { BuildEveryField(&b) },
		func() { b.Reset("", 0) },
	} {
		build()
		payload, err := b.Bytes(eventheader.LevelWarning)
		require.NoError(t, err)
		events = append(events, listen.Event{
			Tracepoint: "Shop_L3K1f", Layout: listen.LayoutEventHeader, Time: Noon, CPU: 3, PID: 7, TID: 8,
			Process:  "shop",
			Provider: "Shop", Level: eventheader.LevelWarning, Keyword: 0x1F, Payload: append([]byte(nil), payload...),
		})
	}
	format, err := fields.Parse(execFormat, binary.LittleEndian, 8)
	require.NoError(t, err)
	return append(events, listen.Event{
		Tracepoint: "sched:sched_process_exec", Layout: listen.LayoutAny, Time: Noon, CPU: 3, PID: 7, TID: 7,
		Format: format,
		Payload: []byte("\x00\x00\x00\x00\x00\x00\x00\x00" +
			"\x14\x00\x08\x00\x07\x00\x00\x00\x01\x00\x02\x00/bin/\x1b[\x00"),
	})
}
