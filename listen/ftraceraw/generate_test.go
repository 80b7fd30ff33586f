// SPDX-License-Identifier: Apache-2.0

package ftraceraw_test

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var orders = map[string]byteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian}

// generator makes one page of ftrace of what a test says, in the order of calls.
type generator struct {
	order  byteOrder
	size   int
	long32 bool
	time   uint64
	events []byte
	flags  uint64
	behind []byte
}

func newGenerator(order byteOrder) *generator { return &generator{order: order, size: 4096} }

func (g *generator) word(typeLen, delta uint32) {
	if g.order == byteOrder(binary.BigEndian) {
		g.events = g.order.AppendUint32(g.events, typeLen<<27|delta)
		return
	}
	g.events = g.order.AppendUint32(g.events, delta<<5|typeLen)
}

// event adds an event with that data, in the short form where it fits.
func (g *generator) event(delta uint32, data []byte) {
	if len(data) > 0 && len(data)%4 == 0 && len(data) <= 4*28 {
		g.word(uint32(len(data)/4), delta)
	} else {
		g.word(0, delta)
		g.events = g.order.AppendUint32(g.events, uint32(4+len(data)))
	}
	g.events = append(g.events, data...)
	for len(g.events)%4 != 0 {
		g.events = append(g.events, 0)
	}
}

// otlp adds a write to the tracepoint 7.
func (g *generator) otlp(delta uint32, payload string) {
	g.event(delta, layouttest.OTLP(g.order, 7, []byte(payload)))
}

// long adds an event of one of the kinds that have a time of 59 bits.
func (g *generator) long(kind uint32, time uint64) {
	g.word(kind, uint32(time&(1<<27-1)))
	g.events = g.order.AppendUint32(g.events, uint32(time>>27))
}

// discarded adds an event that was taken back, of n bytes behind its first word.
func (g *generator) discarded(delta uint32, n int) {
	g.word(29, delta)
	g.events = g.order.AppendUint32(g.events, uint32(n))
	g.events = append(g.events, make([]byte, n-4)...)
}

// missed says that events were lost before this page.
func (g *generator) missed(n uint64, stored bool) {
	g.flags |= 1 << 31
	if stored {
		g.flags |= 1 << 30
		if g.long32 {
			g.behind = g.order.AppendUint32(nil, uint32(n))
		} else {
			g.behind = g.order.AppendUint64(nil, n)
		}
	}
}

func (g *generator) page() []byte {
	b := g.order.AppendUint64(nil, g.time)
	commit := g.flags | uint64(len(g.events))
	if g.long32 {
		b = g.order.AppendUint32(b, uint32(commit))
	} else {
		b = g.order.AppendUint64(b, commit)
	}
	b = append(append(b, g.events...), g.behind...)
	return append(b, make([]byte, g.size-len(b))...)
}
