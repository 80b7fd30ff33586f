// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func TestNewEvent(t *testing.T) {
	eventHeader := func() *tracefs.Format { return layouttest.ParsedEventHeader("Shop_L4K1f", 7) }
	with := func(change func(*tracefs.Format)) *tracefs.Format {
		f := eventHeader()
		change(f)
		return f
	}
	oneMore := func(f *tracefs.Format) { f.Fields = append(f.Fields, tracefs.Field{Name: "x"}) }
	for name, tt := range map[string]struct {
		name   string
		format *tracefs.Format
		kind   Kind
		fields int // of kind Any
	}{
		"EventHeader":       {"Shop_L4K1f", eventHeader(), EventHeader, 0},
		"another name":      {"Shop", eventHeader(), Any, 6},
		"the level 0":       {"Shop_L0K1", eventHeader(), Any, 6},
		"other fields":      {"Shop_L4K1", layouttest.ParsedOTLP("Shop_L4K1", 7), Any, 3},
		"no fields":         {"Shop_L4K1", layouttest.ParsedFieldless("Shop_L4K1", 7), Any, 0},
		"a field more":      {"Shop_L4K1", with(oneMore), Any, 7},
		"a field less":      {"Shop_L4K1", with(func(f *tracefs.Format) { f.Fields = f.Fields[:9] }), Any, 5},
		"another size":      {"Shop_L4K1", with(func(f *tracefs.Format) { f.Fields[6].Size = 4 }), Any, 6},
		"somewhere else":    {"Shop_L4K1", with(func(f *tracefs.Format) { f.Fields[6].Offset = 30 }), Any, 6},
		"a field's name":    {"Shop_L4K1", with(func(f *tracefs.Format) { f.Fields[4].Name = "flags" }), Any, 6},
		"a kernel's format": {"sched:sched_process_exec", layouttest.ParsedExec(7), Any, 3},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewEvent(tt.name, tt.format, binary.LittleEndian, 8)
			assert.Equal(t, tt.kind, d.Kind)
			if tt.kind == EventHeader {
				assert.Equal(t, eventheader.Name{Provider: "Shop", Level: 4, Keyword: 0x1f}, d.Name)
				assert.Nil(t, d.Fields)
				return
			}
			assert.Zero(t, d.Name)
			assert.Equal(t, tt.fields, d.Fields.Len())
		})
	}
	assert.Equal(t, EventHeader, EventKind("Shop_L4K1"))
	assert.Equal(t, Any, EventKind("Shop"))
}

func TestDecodeEvents(t *testing.T) {
	order := binary.LittleEndian
	event := layouttest.EventHeaderWrite(order, 4, "order", "x")
	raw := append(layouttest.Common(order, 7), event...)
	d := NewEvent("Shop_L4K1", layouttest.ParsedEventHeader("Shop_L4K1", 7), order, 8)
	m, err := d.Decode(raw)
	require.NoError(t, err)
	assert.Equal(t, event, m.Payload)
	m, err = d.Decode(raw[:16])
	require.NoError(t, err, "what is in it is found when it is parsed")
	assert.Len(t, m.Payload, 8)
	m, err = d.Decode(raw[:15])
	require.ErrorIs(t, err, ErrUndecodable)
	assert.Empty(t, m.Payload)

	d = NewEvent("exec", layouttest.ParsedExec(7), order, 8)
	raw = layouttest.Exec(order, 7, "/bin/sh", 9)
	m, err = d.Decode(raw)
	require.NoError(t, err)
	assert.Equal(t, raw, m.Payload)
	_, err = d.Decode(raw[:8])
	require.NoError(t, err, "its fields say that they are not there")
	_, err = d.Decode(raw[:7])
	require.ErrorIs(t, err, ErrUndecodable)
}
