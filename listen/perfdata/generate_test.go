// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// Bits of sample_type, for those that tests name.
const (
	sampleIP = 1 << iota
	sampleTID
	sampleTime
	sampleAddr
	sampleRead
	sampleCallchain
	sampleID
	sampleCPU
	samplePeriod
	sampleStreamID
	sampleRaw
	sampleBranchStack
	sampleRegsUser
	sampleStackUser
	sampleWeight
	sampleDataSrc
	sampleIdentifier
	sampleTransaction
	sampleRegsIntr
	samplePhysAddr
	sampleAux
	sampleCgroup
	sampleDataPageSize
	sampleCodePageSize
	sampleWeightStruct
	sampleBits = iota
)

// perfDefault is what perf record samples of one tracepoint.
const perfDefault = sampleIP | sampleTID | sampleTime | sampleCPU | samplePeriod | sampleRaw | sampleIdentifier

// Bits of read_format.
const (
	readEnabled = 1 << iota
	readRunning
	readID
	readGroup
	readLost
	readBits = iota
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// generator makes perf.data of what a test says, in the order of calls.
type generator struct {
	order    byteOrder
	events   []generatedEvent
	formats  []generatedFormat
	features map[int][]byte // beside the tracing data
	records  []byte
}

type generatedEvent struct {
	tracepoint     int // 0: a software event
	sampleType     uint64
	readFormat     uint64
	sampleIDNotAll bool
	useClock       bool
	clock          int32
	ids            []uint64
	attrSize       int // 128 if 0
}

type generatedFormat struct{ system, text string }

func newGenerator(order byteOrder, events ...generatedEvent) *generator {
	return &generator{order: order, events: events, features: map[int][]byte{}}
}

// otlpGenerator has one event with that sample_type, otlp_metrics, with the number 7 and the id 70.
func otlpGenerator(order byteOrder, sampleType uint64) *generator {
	g := newGenerator(order, generatedEvent{tracepoint: 7, sampleType: sampleType, ids: []uint64{70}})
	g.formats = []generatedFormat{{tracefs.System, layouttest.OTLPFormat("otlp_metrics", 7)}}
	return g
}

func (g *generator) u16(b []byte, v uint16) []byte { return g.order.AppendUint16(b, v) }
func (g *generator) u32(b []byte, v uint32) []byte { return g.order.AppendUint32(b, v) }
func (g *generator) u64(b []byte, v ...uint64) []byte {
	for _, v := range v {
		b = g.order.AppendUint64(b, v)
	}
	return b
}

// record adds a record, padded to 8 bytes.
func (g *generator) record(kind uint32, misc uint16, body []byte) {
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	g.records = g.u32(g.records, kind)
	g.records = g.u16(g.records, misc)
	g.records = g.u16(g.records, uint16(8+len(body)))
	g.records = append(g.records, body...)
}

// generatedSample is what is in a sample, where its sample_type has it.
type generatedSample struct {
	pid, tid int32
	time     uint64
	cpu      uint32
	id       uint64
	raw      []byte
	// group is how many events are in the READ field, and chain how long the
	// callchain is.
	group, chain int
}

// filler is what stands in fields that are not read: it would be a nonsensical length or time.
const filler = 0xFEFEFEFEFEFEFEFE

func (g *generator) sample(e generatedEvent, s generatedSample) {
	var b []byte
	has := func(bit uint64) bool { return e.sampleType&bit != 0 }
	word := func(bit uint64, v uint64) {
		if has(bit) {
			b = g.u64(b, v)
		}
	}
	pair := func(bit uint64, v, w uint32) {
		if has(bit) {
			b = g.u32(g.u32(b, v), w)
		}
	}
	word(sampleIdentifier, s.id)
	word(sampleIP, filler)
	pair(sampleTID, uint32(s.pid), uint32(s.tid))
	word(sampleTime, s.time)
	word(sampleAddr, filler)
	word(sampleID, s.id)
	word(sampleStreamID, filler)
	pair(sampleCPU, s.cpu, 0xFEFEFEFE)
	word(samplePeriod, filler)
	if has(sampleRead) {
		b = g.read(b, e.readFormat, s.group)
	}
	if has(sampleCallchain) {
		b = g.u64(b, uint64(s.chain))
		for range s.chain {
			b = g.u64(b, filler)
		}
	}
	if has(sampleRaw) {
		size := (4+len(s.raw)+7)&^7 - 4
		b = g.u32(b, uint32(size))
		b = append(b, s.raw...)
		b = append(b, make([]byte, size-len(s.raw))...)
	}
	// What comes behind is of no interest but for its being there.
	first := bits.TrailingZeros64(sampleBranchStack)
	behind := bits.OnesCount64(e.sampleType >> first &^ (sampleIdentifier >> first))
	for range behind {
		b = g.u64(b, filler)
	}
	g.record(9, 0, b)
}

func (g *generator) read(b []byte, format uint64, group int) []byte {
	if format&readGroup != 0 {
		b = g.u64(b, uint64(group))
	} else {
		b = g.u64(b, filler)
	}
	for _, bit := range []uint64{readEnabled, readRunning} {
		if format&bit != 0 {
			b = g.u64(b, filler)
		}
	}
	if format&readGroup == 0 {
		group = 1
	}
	for range group {
		if format&readGroup != 0 {
			b = g.u64(b, filler)
		}
		for _, bit := range []uint64{readID, readLost} {
			if format&bit != 0 {
				b = g.u64(b, filler)
			}
		}
	}
	return b
}

// otlp adds a sample of the first event.
func (g *generator) otlp(s generatedSample, payload []byte) {
	s.raw = layouttest.OTLP(g.order, g.events[0].tracepoint, payload)
	if s.id == 0 {
		s.id = g.events[0].ids[0]
	}
	g.sample(g.events[0], s)
}

// other adds a record that is no sample, as the kernel or perf writes it for the event.
func (g *generator) other(kind uint32, misc uint16, e generatedEvent, s generatedSample, body []byte) {
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	if !e.sampleIDNotAll {
		has := func(bit uint64) bool { return e.sampleType&bit != 0 }
		if has(sampleTID) {
			body = g.u32(g.u32(body, uint32(s.pid)), uint32(s.tid))
		}
		if has(sampleTime) {
			body = g.u64(body, s.time)
		}
		if has(sampleID) {
			body = g.u64(body, s.id)
		}
		if has(sampleStreamID) {
			body = g.u64(body, filler)
		}
		if has(sampleCPU) {
			body = g.u32(g.u32(body, s.cpu), 0)
		}
		if has(sampleIdentifier) {
			body = g.u64(body, s.id)
		}
	}
	g.record(kind, misc, body)
}

func (g *generator) comm(s generatedSample, name string) {
	body := g.u32(g.u32(nil, uint32(s.pid)), uint32(s.tid))
	g.other(3, 0, g.events[0], s, append(append(body, name...), 0))
}

func (g *generator) fork(s generatedSample, pid, parent int32) {
	body := g.u32(g.u32(nil, uint32(pid)), uint32(parent))
	body = g.u32(g.u32(body, uint32(pid)), uint32(parent))
	g.other(7, 0, g.events[0], s, g.u64(body, s.time))
}

func (g *generator) lost(s generatedSample, n uint64) {
	g.other(2, 0, g.events[0], s, g.u64(nil, s.id, n))
}

func (g *generator) lostSamples(s generatedSample, misc uint16, n uint64) {
	g.other(13, misc, g.events[0], s, g.u64(nil, n))
}

func (g *generator) finishedRound() { g.record(68, 0, nil) }

func (g *generator) attr(e generatedEvent) []byte {
	size := e.attrSize
	if size == 0 {
		size = 128
	}
	var b []byte
	kind, config := uint32(1), uint64(0) // PERF_TYPE_SOFTWARE
	if e.tracepoint != 0 {
		kind, config = 2, uint64(e.tracepoint)
	}
	b = g.u32(g.u32(b, kind), uint32(size))
	b = g.u64(b, config, 1, e.sampleType, e.readFormat)
	var flags uint64
	set := func(bit int) {
		if g.order == byteOrder(binary.BigEndian) {
			bit = 63 - bit
		}
		flags |= 1 << bit
	}
	if !e.sampleIDNotAll {
		set(18)
	}
	if e.useClock {
		set(25)
	}
	b = g.u64(b, flags)
	b = append(b, make([]byte, 92-len(b))...)
	b = g.u32(b, uint32(e.clock))
	return append(b, make([]byte, max(size-len(b), 0))...)[:size]
}

const headerPage = `	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:8;	signed:1;
	field: int overwrite;	offset:8;	size:1;	signed:1;
	field: char data;	offset:16;	size:4080;	signed:1;
`

func (g *generator) tracingData() []byte {
	b := []byte("\x17\x08\x44tracing0.6\x00")
	big := byte(0)
	if g.order == byteOrder(binary.BigEndian) {
		big = 1
	}
	b = append(b, big, 8)
	b = g.u32(b, 4096)
	text := func(s string) {
		b = g.u64(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = append(b, "header_page\x00"...)
	text(headerPage)
	b = append(b, "header_event\x00"...)
	text("# compressed entry header\n")
	b = g.u32(b, 1)
	text(layouttest.Format("function", 1, "\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n"))
	b = g.u32(b, uint32(len(g.formats)))
	for _, f := range g.formats {
		b = append(append(b, f.system...), 0)
		b = g.u32(b, 1)
		text(f.text)
	}
	b = g.u32(b, 0)    // kallsyms
	b = g.u32(b, 0)    // printk formats
	return g.u64(b, 0) // names of threads
}

// clockData maps that clock: wall and at are the same moment.
func (g *generator) clockData(clock int32, wall, at uint64) {
	g.features[29] = g.u64(g.u32(g.u32(nil, 1), uint32(clock)), wall, at)
}

// file makes the file form.
func (g *generator) file() []byte {
	const header = 104
	var ids, attrs []byte
	idsAt := header
	for _, e := range g.events {
		ids = g.u64(ids, e.ids...)
	}
	at := idsAt
	attrSize := 0
	for _, e := range g.events {
		a := g.attr(e)
		attrSize = len(a) + 16
		attrs = append(attrs, a...)
		attrs = g.u64(attrs, uint64(at), uint64(8*len(e.ids)))
		at += 8 * len(e.ids)
	}
	attrsAt := idsAt + len(ids)
	dataAt := attrsAt + len(attrs)

	features := map[int][]byte{}
	for n, b := range g.features {
		features[n] = b
	}
	if g.formats != nil {
		features[1] = g.tracingData()
	}
	var bitmap [4]uint64
	for n := range features {
		bitmap[n/64] |= 1 << (n % 64)
	}
	magic := []byte("PERFILE2")
	if g.order == byteOrder(binary.BigEndian) {
		magic = []byte("2ELIFREP")
	}
	b := g.u64(magic, header, uint64(attrSize))
	b = g.u64(b, uint64(attrsAt), uint64(len(attrs)), uint64(dataAt), uint64(len(g.records)), 0, 0)
	b = g.u64(b, bitmap[:]...)
	b = append(append(append(b, ids...), attrs...), g.records...)
	at = len(b) + 16*len(features)
	var bodies []byte
	for n := range 256 {
		if body, ok := features[n]; ok {
			b = g.u64(b, uint64(at), uint64(len(body)))
			at += len(body)
			bodies = append(bodies, body...)
		}
	}
	return append(b, bodies...)
}

// stream makes the streaming form.
func (g *generator) stream() []byte {
	magic := []byte("PERFILE2")
	if g.order == byteOrder(binary.BigEndian) {
		magic = []byte("2ELIFREP")
	}
	head := &generator{order: g.order}
	for _, e := range g.events {
		head.record(64, 0, g.u64(g.attr(e), e.ids...))
	}
	for n := range 256 {
		if body, ok := g.features[n]; ok {
			head.record(80, 0, append(g.u64(nil, uint64(n)), body...))
		}
	}
	if g.formats != nil {
		body := g.tracingData()
		padding := make([]byte, -len(body)&7)
		head.records = g.u32(head.records, 66)
		head.records = g.u16(head.records, 0)
		head.records = g.u16(head.records, 12) // it is not padded
		head.records = g.u32(head.records, uint32(len(body)))
		head.records = append(append(head.records, body...), padding...)
	}
	return bytes.Join([][]byte{g.u64(magic, 16), head.records, g.records}, nil)
}

// both calls f for both forms.
func (g *generator) both(f func(form string, data []byte, stream bool)) {
	f("file", g.file(), false)
	f("stream", g.stream(), true)
}
