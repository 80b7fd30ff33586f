// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// toJSON returns an event as JSON, with the name of a provider.
func toJSON(t *testing.T, event []byte) string {
	t.Helper()
	parsed, err := eventheader.Parse(event)
	require.NoError(t, err)
	text, err := parsed.AppendJSON(nil, eventheader.Name{Provider: "P"}, "")
	require.NoError(t, err)
	return string(text)
}

func TestBuilder(t *testing.T) {
	var b eventheader.Builder
	b.Reset("order", 7).ID(3, 2).Opcode(eventheader.OpcodeActivityStart).ActivityID(eventheader.ID{1, 2})
	b.String("name", "x").Tag(0x12).Int32("count", -5)
	b.BeginStruct("outer").Uint8("a", 1).BeginStruct("inner").Bool("b", true).EndStruct().Float64("c", 1.5).EndStruct()
	b.BeginStructArray("points", 2).
		NextElement().Uint8("x", 1).BeginStructArray("s", 1).NextElement().String("k", "v").EndStruct().
		NextElement().Uint8("x", 2).BeginStructArray("s", 2).
		NextElement().String("k", "w").NextElement().String("k", "u").EndStruct().
		EndStruct()
	b.BeginStructArray("none", 0).NextElement().Uint8("x", 1).EndStruct()
	b.Array("ports", eventheader.EncodingValue16, eventheader.FormatPort, 2).Element16(80).Element16(443)
	b.ConstArray("names", eventheader.EncodingZChar16, eventheader.FormatDefault, 2).
		ElementString("a").ElementString("")
	event, err := b.Bytes(eventheader.LevelWarning)
	require.NoError(t, err)
	assert.Len(t, event, b.Size())
	assert.Equal(t, `{"n":"P:order","name":"x","count;tag=0x12":-5,`+
		`"outer":{"a":1,"inner":{"b":true},"c":1.5},`+
		`"points":[{"x":1,"s":[{"k":"v"}]},{"x":2,"s":[{"k":"w"},{"k":"u"}]}],"none":[],`+
		`"ports":[80,443],"names":["a",""],`+
		`"meta":{"id":3,"version":2,"level":3,"opcode":1,"tag":"0x7",`+
		`"activity":"01020000-0000-0000-0000-000000000000"}}`, toJSON(t, event))
}
