// SPDX-License-Identifier: Apache-2.0

package ftraceraw_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/ftraceraw"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// options are those for generated pages, without a look at the machine.
func options(order binary.ByteOrder) ftraceraw.Options {
	return ftraceraw.Options{Formats: []string{layouttest.OTLPFormat("otlp_metrics", 7)}, PageSize: 4096, ByteOrder: order}
}

const headerPage = `	field: u64 timestamp;	offset:0;	size:8;	signed:0;
	field: local_t commit;	offset:8;	size:%d;	signed:1;
	field: int overwrite;	offset:8;	size:1;	signed:1;
	field: char data;	offset:%d;	size:%d;	signed:1;
`

// Events of any length, in both forms of one.
func TestLengths(t *testing.T) {
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			for n := range 4049 {
				g := newGenerator(order)
				payload := strings.Repeat("x", n)
				g.otlp(1, payload)
				if n < 3900 {
					g.otlp(1, "the next")
				}
				events, r, err := readAll(bytes.NewReader(g.page()), options(order))
				require.NoError(t, err)
				require.NotEmpty(t, events)
				require.Equal(t, payload, string(events[0].Payload))
				if n < 3900 {
					require.Len(t, events, 2)
					require.Equal(t, "the next", string(events[1].Payload))
				}
				require.Zero(t, r.Stats().Malformed)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	const start = 10_000_000_000
	for orderName, order := range orders {
		for _, tt := range []struct {
			name  string
			start uint64
			add   func(*generator)
			want  []int64
		}{
			{name: "distances", start: start, add: func(g *generator) {
				g.otlp(0, "")
				g.otlp(5, "")
				g.otlp(1<<27-1, strings.Repeat("x", 200))
			}, want: []int64{start, start + 5, start + 5 + 1<<27 - 1}},
			{name: "longer ones", start: start, add: func(g *generator) {
				g.long(30, 1<<27+3)
				g.otlp(0, "")
				g.long(30, 1<<40+1)
				g.otlp(7, "")
			}, want: []int64{start + 1<<27 + 3, start + 1<<27 + 3 + 1<<40 + 1 + 7}},
			{name: "absolute", start: start, add: func(g *generator) {
				g.otlp(1, "")
				g.long(31, 3*start)
				g.otlp(0, "")
				g.otlp(2, "")
			}, want: []int64{start + 1, 3 * start, 3*start + 2}},
			{name: "absolute, with the highest bits of the page", start: 1<<60 + start, add: func(g *generator) {
				g.long(31, start+9)
				g.otlp(0, "")
			}, want: []int64{1<<60 + start + 9}},
			{name: "absolute, beyond 59 bits", start: 1<<60 + 1<<59 - 5, add: func(g *generator) {
				g.long(31, 3)
				g.otlp(0, "")
			}, want: []int64{1<<60 + 1<<59 + 3}},
			{name: "events that were taken back", start: start, add: func(g *generator) {
				g.discarded(4, 8)
				g.discarded(1, 100)
				g.otlp(1, "")
			}, want: []int64{start + 6}},
		} {
			t.Run(tt.name+", "+orderName, func(t *testing.T) {
				g := newGenerator(order)
				g.time = tt.start
				tt.add(g)
				events, r, err := readAll(bytes.NewReader(g.page()), options(order))
				require.NoError(t, err)
				var got []int64
				for _, ev := range events {
					got = append(got, ev.Monotonic)
				}
				assert.Equal(t, tt.want, got)
				assert.Zero(t, r.Stats().Malformed)
			})
		}
	}
}

func TestLosses(t *testing.T) {
	for _, long32 := range []bool{false, true} {
		t.Run(fmt.Sprintf("32 bit %v", long32), func(t *testing.T) {
			var data []byte
			add := func(f func(*generator)) {
				g := newGenerator(binary.LittleEndian)
				g.long32 = long32
				f(g)
				data = append(data, g.page()...)
			}
			add(func(g *generator) { g.otlp(0, "a"); g.otlp(0, "b") })
			add(func(g *generator) { g.missed(5, true) }) // an empty page
			add(func(g *generator) { g.missed(7, true); g.event(0, make([]byte, 16)); g.otlp(0, "c"); g.otlp(0, "d") })
			add(func(g *generator) { g.missed(0, false); g.otlp(0, "e") })
			add(func(g *generator) {
				full := 4045
				if long32 {
					full += 4
				}
				g.otlp(0, strings.Repeat("f", full))
				g.flags |= 3 << 30 // said to be stored, and no room for it
			})
			o := options(binary.LittleEndian)
			if long32 {
				o.PageSize = 0
				o.HeaderPage = fmt.Sprintf(headerPage, 4, 12, 4096-12)
			}
			events, r, err := readAll(bytes.NewReader(data), o)
			require.NoError(t, err)
			var before []uint64
			for _, ev := range events {
				before = append(before, ev.LostBefore)
			}
			assert.Equal(t, []uint64{0, 0, 12, 0, 0, 0}, before)
			assert.Equal(t, ftraceraw.Stats{Pages: 5, Events: 7, Received: 6, Other: 1, Lost: 12, LostUnknown: 2}, r.Stats())
		})
	}
}

func TestSeveralTracepoints(t *testing.T) {
	g := newGenerator(binary.LittleEndian)
	g.otlp(0, "a")
	g.event(0, layouttest.Fieldless(g.order, 8, []byte("b")))
	g.event(0, layouttest.OTLP(g.order, 9, []byte("not wanted")))
	g.event(0, layouttest.OTLP(g.order, 10, []byte("unknown")))
	g.event(0, []byte{1, 2, 3, 4}) // less than any event has
	o := options(binary.LittleEndian)
	o.Formats = append(o.Formats, layouttest.Format("otlp_metrics.1f", 8, ""), layouttest.OTLPFormat("other", 9))
	o.CPU = 3
	events, r, err := readAll(bytes.NewReader(g.page()), o)
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, listen.Event{Tracepoint: "otlp_metrics", CPU: 3, TID: 4242, Version: layouttest.Version, Payload: []byte("a")}, events[0])
	assert.Equal(t, listen.Event{Tracepoint: "otlp_metrics", CPU: 3, TID: 4242, Payload: []byte("b")}, events[1])
	assert.Equal(t, ftraceraw.Stats{Pages: 1, Events: 5, Received: 2, Other: 3}, r.Stats())

	o.Names = []string{"other"}
	events, _, err = readAll(bytes.NewReader(g.page()), o)
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, "not wanted", string(events[0].Payload))
}

// A page that cannot be read on is left, and the next one is read.
func TestMalformed(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  func(*generator)
	}{
		{"a length of 0", func(g *generator) { g.word(0, 1); g.events = g.order.AppendUint32(g.events, 0) }},
		{"a length beyond the page", func(g *generator) { g.word(0, 1); g.events = g.order.AppendUint32(g.events, 5000) }},
		{"the largest length", func(g *generator) { g.word(0, 1); g.events = g.order.AppendUint32(g.events, 1<<32-1) }},
		{"no length", func(g *generator) { g.word(0, 1) }},
		{"words beyond the page", func(g *generator) { g.word(28, 1) }},
		{"half a time", func(g *generator) { g.word(30, 1) }},
		{"half an absolute time", func(g *generator) { g.word(31, 1) }},
		{"padding without a length", func(g *generator) { g.word(29, 1) }},
		{"padding beyond the page", func(g *generator) { g.word(29, 1); g.events = g.order.AppendUint32(g.events, 5000) }},
		{"half a word", func(g *generator) { g.events = append(g.events, 1, 2) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGenerator(binary.LittleEndian)
			g.otlp(0, "before")
			tt.add(g)
			next := newGenerator(binary.LittleEndian)
			next.otlp(0, "on the next page")
			events, r, err := readAll(bytes.NewReader(append(g.page(), next.page()...)), options(binary.LittleEndian))
			require.NoError(t, err)
			require.Len(t, events, 2)
			assert.Equal(t, "on the next page", string(events[1].Payload))
			assert.EqualValues(t, 1, r.Stats().Malformed)
		})
	}
}

// The rest of a page may be padding, which is not malformed.
func TestPadding(t *testing.T) {
	g := newGenerator(binary.LittleEndian)
	g.otlp(0, "before")
	g.word(29, 0)
	g.events = append(g.events, bytes.Repeat([]byte{0xFF}, 100)...)
	events, r, err := readAll(bytes.NewReader(g.page()), options(binary.LittleEndian))
	require.NoError(t, err)
	assert.Len(t, events, 1)
	assert.Zero(t, r.Stats().Malformed)
}

func TestUndecodable(t *testing.T) {
	g := newGenerator(binary.LittleEndian)
	raw := layouttest.OTLP(g.order, 7, []byte("payload!"))
	g.order.PutUint16(raw[22:], 0xFFFF) // its length
	g.event(0, raw)
	g.event(0, raw[:12])
	events, r, err := readAll(bytes.NewReader(g.page()), options(g.order))
	require.NoError(t, err)
	require.Len(t, events, 2)
	for _, ev := range events {
		require.ErrorIs(t, ev.Err, listen.ErrUndecodable)
		assert.Empty(t, ev.Payload)
		assert.Equal(t, 4242, ev.TID)
	}
	assert.EqualValues(t, 2, r.Stats().Undecodable)
}

func TestInputThatIsNot(t *testing.T) {
	g := newGenerator(binary.LittleEndian)
	g.otlp(0, "a")
	page := g.page()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		in     io.Reader
		events int
		err    error
		says   string
	}{
		{name: "nothing", in: bytes.NewReader(nil)},
		{name: "one page", in: bytes.NewReader(page), events: 1},
		{name: "byte by byte", in: iotest.OneByteReader(bytes.NewReader(page)), events: 1},
		{name: "one and a half", in: bytes.NewReader(append(bytes.Clone(page), page[:2000]...)), events: 1, err: io.ErrUnexpectedEOF, says: "2000 bytes"},
		{name: "text", in: strings.NewReader(strings.Repeat("# tracer: nop\n", 1000)), err: ftraceraw.ErrFormat, says: "PageSize"},
		{name: "an error", in: io.MultiReader(bytes.NewReader(page), iotest.ErrReader(broken)), events: 1, err: broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, r, err := readAll(tt.in, options(binary.LittleEndian))
			assert.Len(t, events, tt.events)
			if tt.err == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.says)
			var ev listen.Event
			require.ErrorIs(t, r.Read(&ev), tt.err, "and it stays")
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	otlp := []string{layouttest.OTLPFormat("otlp_metrics", 7)}
	foreign := []string{layouttest.Format("otlp_metrics", 7, "\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n")}
	for _, tt := range []struct {
		name    string
		options ftraceraw.Options
		err     error
	}{
		{"an empty name", ftraceraw.Options{Names: []string{""}, Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"a small page", ftraceraw.Options{PageSize: 63, Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"a negative page", ftraceraw.Options{PageSize: -1, Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"a large page", ftraceraw.Options{PageSize: 1<<20 + 1, Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"no format", ftraceraw.Options{Formats: []string{"field:"}}, ftraceraw.ErrInvalidOption},
		{"the format of another", ftraceraw.Options{Names: []string{"missing"}, Formats: otlp}, ftraceraw.ErrNoFormat},
		{"a format without a payload", ftraceraw.Options{Formats: foreign}, listen.ErrLayout},
		{"no header", ftraceraw.Options{HeaderPage: "field", Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"a header of odd sizes", ftraceraw.Options{HeaderPage: fmt.Sprintf(headerPage, 3, 16, 4080), Formats: otlp}, ftraceraw.ErrInvalidOption},
		{"a header without an end", ftraceraw.Options{HeaderPage: fmt.Sprintf(headerPage, 8, 12, 4080), Formats: otlp}, ftraceraw.ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ftraceraw.NewReader(bytes.NewReader(nil), tt.options)
			require.ErrorIs(t, err, tt.err)
		})
	}
}

func TestReadUsesMemoryAgain(t *testing.T) {
	g := newGenerator(binary.LittleEndian)
	for range 90 {
		g.otlp(1, "payload")
	}
	r, err := ftraceraw.NewReader(bytes.NewReader(bytes.Repeat(g.page(), 20)), options(binary.LittleEndian))
	require.NoError(t, err)
	var ev listen.Event
	require.NoError(t, r.Read(&ev))
	allocs := testing.AllocsPerRun(1000, func() {
		if err := r.Read(&ev); err != nil {
			t.Fatal(err)
		}
	})
	assert.Zero(t, allocs)
}

func FuzzPages(f *testing.F) {
	format, header := testdata(f, "format"), testdata(f, "header_page")
	f.Add([]byte(testdata(f, "pages")), header)
	for _, order := range orders {
		g := newGenerator(order)
		g.long(31, 5)
		g.otlp(1, "payload")
		g.long(30, 5)
		g.otlp(1, strings.Repeat("x", 200))
		g.discarded(1, 8)
		g.missed(3, true)
		f.Add(g.page(), "")
	}
	f.Add(bytes.Repeat([]byte{0xFF}, 128), fmt.Sprintf(headerPage, 8, 16, 48))
	f.Fuzz(func(t *testing.T, pages []byte, header string) {
		for _, order := range orders {
			o := ftraceraw.Options{Formats: []string{format}, HeaderPage: header, ByteOrder: order}
			if header == "" {
				o.PageSize = 128
			}
			r, err := ftraceraw.NewReader(bytes.NewReader(pages), o)
			if err != nil {
				continue
			}
			var ev listen.Event
			events := 0
			for err = r.Read(&ev); err == nil; err = r.Read(&ev) {
				events++
				if len(ev.Payload) > len(pages) || events > len(pages)/8 || ev.TID < 0 || ev.Err != nil && len(ev.Payload) > 0 {
					t.Fatalf("event %d of %d bytes cannot be: %+v", events, len(pages), ev)
				}
			}
		}
	})
}
