// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

func TestWallClock(t *testing.T) {
	wall := time.Date(2026, 7, 1, 12, 0, 0, 123, time.UTC)
	for _, tt := range []struct {
		name      string
		useClock  bool
		clock     int32
		data      func(*generator)
		clockName string
		want      time.Time // of the time 5,000,000,000
	}{
		{name: "perf's own", clockName: "perf"},
		{name: "perf's own beside clock data", data: func(g *generator) { g.clockData(1, 1, 1) }, clockName: "perf"},
		{name: "monotonic", useClock: true, clock: 1, data: func(g *generator) {
			g.clockData(1, uint64(wall.UnixNano()),
				4e9)
		}, clockName: "CLOCK_MONOTONIC", want: wall.Add(time.Second)},
		{name: "before the readings", useClock: true, clock: 1, data: func(g *generator) {
			g.clockData(1,
				uint64(wall.UnixNano()), 6e9)
		}, clockName: "CLOCK_MONOTONIC", want: wall.Add(-time.Second)},
		{name: "monotonic, not mapped", useClock: true, clock: 1, clockName: "CLOCK_MONOTONIC"},
		{name: "monotonic, another is mapped", useClock: true, clock: 1,
			data: func(g *generator) { g.clockData(4, 1, 1) }, clockName: "CLOCK_MONOTONIC"},
		{name: "real time", useClock: true, clock: 0, clockName: "CLOCK_REALTIME", want: time.Unix(5, 0)},
		{name: "one that is not known", useClock: true, clock: 99, clockName: "clockid 99"},
		{name: "clock data of another version", useClock: true, clock: 1, data: func(g *generator) {
			g.clockData(1, 1, 1)
			g.features[29][0] = 2
		}, clockName: "CLOCK_MONOTONIC"},
		{name: "clock data too short", useClock: true, clock: 1, data: func(g *generator) {
			g.clockData(1, 1, 1)
			g.features[29] = g.features[29][:16]
		}, clockName: "CLOCK_MONOTONIC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := otlpGenerator(binary.LittleEndian, perfDefault)
			g.events[0].useClock, g.events[0].clock = tt.useClock, tt.clock
			if tt.data != nil {
				tt.data(g)
			}
			g.otlp(generatedSample{time: 5e9}, nil)
			g.both(func(form string, data []byte, stream bool) {
				events, r, err := readAll(input(data, stream), perfdata.Options{})
				require.NoError(t, err, form)
				require.Len(t, events, 1, form)
				assert.True(t, tt.want.Equal(events[0].Time), "%s: %v", form, events[0].Time)
				assert.EqualValues(t, 5e9, events[0].Monotonic, form)
				assert.Equal(t, tt.clockName, r.Info().Clock, form)
				assert.Equal(t, !tt.want.IsZero(), r.Info().WallClock, form)
			})
		})
	}
}

func TestProcessNames(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	at := func(time uint64, pid, tid int32) generatedSample {
		return generatedSample{time: time, pid: pid, tid: tid}
	}
	// What perf finds at its start has no time.
	g.comm(at(0, 10, 10), "shop")
	g.comm(at(0, 10, 11), "shop-worker")
	g.comm(at(0, 20, 21), "a thread first")
	g.comm(at(0, 20, 20), "db")
	g.comm(at(0, 30, 31), "only a thread")
	g.otlp(at(1, 10, 11), []byte("shop"))
	g.otlp(at(2, 20, 20), []byte("db"))
	g.otlp(at(3, 30, 31), []byte("only a thread"))
	g.otlp(at(4, 40, 40), []byte(""))
	// The record of another CPU comes first, but what is in it happens later.
	g.comm(at(8, 40, 40), "renamed")
	g.fork(at(5, 10, 10), 40, 10)
	g.fork(at(5, 10, 10), 10, 10) // a thread
	g.otlp(at(6, 40, 40), []byte("shop"))
	g.otlp(at(9, 40, 40), []byte("renamed"))
	g.otlp(at(9, 41, 41), []byte(""))
	g.fork(at(10, 99, 99), 42, 99) // of a parent without a name
	g.otlp(at(11, 42, 42), []byte(""))
	g.otlp(at(11, 0, 0), []byte(""))
	g.comm(at(12, 0, 0), "swapper")
	g.comm(at(12, -1, -1), "nobody")
	g.otlp(at(13, 0, 0), []byte(""))
	g.otlp(at(13, -1, -1), []byte(""))
	g.comm(at(14, 50, 50), "a name of more than 15 bytes")
	g.otlp(at(15, 50, 50), []byte("a name of more "))
	g.both(func(form string, data []byte, stream bool) {
		events, _, err := readAll(input(data, stream), perfdata.Options{})
		require.NoError(t, err, form)
		require.Len(t, events, 12, form)
		for i, ev := range events {
			assert.Equal(t, string(ev.Payload), ev.Process, "%s, event %d", form, i)
			assert.GreaterOrEqual(t, ev.PID, 0)
			assert.GreaterOrEqual(t, ev.TID, 0)
		}
	})
}

func TestLosses(t *testing.T) {
	on := func(cpu uint32) generatedSample { return generatedSample{cpu: cpu, id: 70 + uint64(cpu)} }
	base := func(readFormat uint64) *generator {
		g := newGenerator(binary.LittleEndian,
			generatedEvent{tracepoint: 7, sampleType: perfDefault, readFormat: readFormat, ids: []uint64{70, 71}},
			generatedEvent{tracepoint: 8, sampleType: perfDefault, ids: []uint64{80}})
		g.formats = otlpGenerator(binary.LittleEndian, 0).formats
		g.otlp(on(0), nil)
		g.lost(on(0), 5)
		g.lost(on(1), 7)
		g.lost(generatedSample{cpu: 1, id: 80}, 1000) // of the other event
		g.otlp(on(1), nil)
		g.otlp(on(1), nil)
		g.lost(on(0), 1)
		g.otlp(on(0), nil)
		g.lost(on(1), 2) // nothing comes behind it
		return g
	}
	for _, tt := range []struct {
		name         string
		readFormat   uint64
		more         func(*generator)
		lost, stream uint64
	}{
		{name: "in records only", lost: 15, stream: 15},
		{name: "sums", readFormat: readLost, more: func(g *generator) {
			g.lostSamples(on(0), 0, 6)
			g.lostSamples(on(1), 0, 20)
			g.lostSamples(generatedSample{cpu: 0, id: 80}, 0, 1000)
			g.lostSamples(on(1), 1<<15, 1000) // dropped by a filter
		}, lost: 26, stream: 26},
		{name: "sums that are zero", readFormat: readLost, lost: 0, stream: 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := base(tt.readFormat)
			if tt.more != nil {
				tt.more(g)
			}
			g.both(func(form string, data []byte, stream bool) {
				events, r, err := readAll(input(data, stream), perfdata.Options{})
				require.NoError(t, err, form)
				var before []uint64
				for _, ev := range events {
					before = append(before, ev.LostBefore)
				}
				assert.Equal(t, []uint64{0, 7, 0, 6}, before, form)
				want := tt.lost
				if stream {
					want = tt.stream
				}
				assert.Equal(t, want, r.Stats().Lost, form)
			})
		})
	}
}

// What is of no interest, and what is longer than its record.
func TestOtherRecordsAreSkipped(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	g.otlp(generatedSample{time: 1}, []byte("first"))
	for _, kind := range []uint32{1, 4, 5, 6, 8, 10, 14, 15, 16, 19, 65, 67, 69, 70, 73, 78, 79, 82, 84, 999} {
		g.record(kind, 0, bytes.Repeat([]byte{0xFE}, 40))
	}
	// Data of a hardware trace: as much as it says, behind the record.
	g.record(71, 0, g.u64(nil, 100_000, 0, 0, 0, 0))
	g.records = append(g.records, bytes.Repeat([]byte{9}, 100_000)...)
	g.otlp(generatedSample{time: 2}, []byte("second"))
	g.both(func(form string, data []byte, stream bool) {
		events, r, err := readAll(input(data, stream), perfdata.Options{})
		require.NoError(t, err, form)
		require.Len(t, events, 2, form)
		assert.Equal(t, "second", string(events[1].Payload))
		assert.Zero(t, r.Stats().Malformed)
	})
}

func TestMalformedRecords(t *testing.T) {
	for _, tt := range []struct {
		name      string
		add       func(*generator)
		malformed uint64
		unknown   uint64
	}{
		{name: "an empty sample", add: func(g *generator) { g.record(9, 0, nil) }, malformed: 1},
		{name: "a sample without its raw record", add: func(g *generator) { g.record(9, 0, make([]byte, 48)) },
			malformed: 1},
		{name: "a raw record that is longer", add: func(g *generator) { g.record(9, 0, g.u32(make([]byte, 48), 5)) },
			malformed: 1},
		{name: "the largest raw record", add: func(g *generator) { g.record(9, 0, g.u32(make([]byte, 48), 1<<32-1)) },
			malformed: 1},
		{name: "of another tracepoint", add: func(g *generator) {
			g.sample(g.events[0], generatedSample{raw: layouttest.OTLP(g.order, 8, nil)})
		}, malformed: 1},
		{name: "a short name", add: func(g *generator) { g.record(3, 0, nil) }, malformed: 1},
		{name: "a short fork", add: func(g *generator) { g.record(7, 0, make([]byte, 16)) }, malformed: 1},
		{name: "a short loss", add: func(g *generator) { g.record(2, 0, make([]byte, 8)) }, malformed: 1},
		{name: "a short sum", add: func(g *generator) { g.record(13, 0, nil) }, malformed: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := otlpGenerator(binary.LittleEndian, perfDefault)
			tt.add(g)
			g.otlp(generatedSample{time: 2}, []byte("and on"))
			g.both(func(form string, data []byte, stream bool) {
				events, r, err := readAll(input(data, stream), perfdata.Options{})
				require.NoError(t, err, form)
				require.Len(t, events, 1, form)
				assert.Equal(t, tt.malformed, r.Stats().Malformed, form)
				assert.Equal(t, tt.unknown, r.Stats().Unknown, form)
			})
		})
	}
}

// What a process wrote need not fit. It is delivered all the same, so that somebody sees who it was.
func TestUndecodable(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	raw := layouttest.OTLP(g.order, 7, []byte("payload"))
	binary.LittleEndian.PutUint16(raw[22:], 0xFFFF) // its length
	g.sample(g.events[0], generatedSample{id: 70, pid: 10, tid: 11, raw: raw})
	events, r, err := readAll(bytes.NewReader(g.file()), perfdata.Options{})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.ErrorIs(t, events[0].Err, listen.ErrUndecodable)
	assert.Empty(t, events[0].Payload)
	assert.Equal(t, 10, events[0].PID)
	assert.Equal(t, layouttest.Version, events[0].Version)
	assert.Equal(t, perfdata.Stats{Records: 1, Received: 1, Undecodable: 1}, r.Stats())
}

// Recordings that are cut off anywhere: an error says so, and what was whole before is delivered.
func TestTruncated(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	for i := range recordedEvents {
		g.otlp(generatedSample{time: uint64(i)}, recordedPayload(i))
		g.finishedRound()
	}
	for _, tt := range []struct {
		name   string
		data   []byte
		stream bool
		step   int
	}{
		{"generated file", g.file(), false, 1},
		{"generated stream", g.stream(), true, 1},
		{"default", testdata(t, "default"), false, 53},
		{"several-stream", testdata(t, "several-stream"), true, 53},
	} {
		for n := 0; n < len(tt.data); n += tt.step {
			events, _, err := readAll(input(tt.data[:n], tt.stream), perfdata.Options{})
			if err == nil {
				// Only a stream can end between two records. Of a file it can be what comes last that is missing.
				require.True(t, tt.stream || len(events) == recordedEvents, "%s at %d", tt.name, n)
			} else if !errors.Is(err, perfdata.ErrTruncated) {
				require.ErrorIs(t, err, perfdata.ErrNoTracepoint, "%s at %d", tt.name, n)
			}
			for i, ev := range events {
				require.Equal(t, recordedPayload(i), ev.Payload, "%s at %d", tt.name, n)
			}
		}
	}
}

// A file that perf did not finish has no formats, but what it has can be read by one of elsewhere.
func TestUnfinished(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	for i := range 3 {
		g.otlp(generatedSample{time: uint64(i)}, []byte{byte(i)})
	}
	data := g.file()
	end := 104 + 8 + 128 + 16 + len(g.records)
	format := layouttest.OTLPFormat("otlp_metrics", 7)
	for _, tt := range []struct {
		name   string
		data   func() []byte
		events int
		err    error
	}{
		{name: "killed", data: func() []byte {
			clear(data[48:56]) // the size of the data
			return data[:end]
		}, events: 3},
		{name: "killed in the midst of a record", data: func() []byte {
			clear(data[48:56])
			return data[:end-20]
		}, events: 2, err: perfdata.ErrTruncated},
		{name: "cut off in the data", data: func() []byte { return data[:end-20] }, events: 2,
			err: perfdata.ErrTruncated},
		{name: "cut off behind the data", data: func() []byte { return data[:end+8] }, events: 3},
		{name: "cut off in the tracing data", data: func() []byte { return data[:end+100] }, events: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			original := bytes.Clone(data)
			defer func() { data = original }()
			cut := tt.data()
			_, err := perfdata.NewReader(bytes.NewReader(cut), perfdata.Options{})
			require.ErrorIs(t, err, perfdata.ErrNoTracepoint)
			require.ErrorContains(t, err, "format file")
			events, r, err := readAll(bytes.NewReader(cut), perfdata.Options{Formats: []string{format}})
			if tt.err == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.err)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			assert.Len(t, events, tt.events)
			assert.True(t, r.Info().Unfinished)
		})
	}
}

func TestNotPerfData(t *testing.T) {
	good := otlpGenerator(binary.LittleEndian, perfDefault)
	good.otlp(generatedSample{}, nil)
	file, stream := good.file(), good.stream()
	change := func(data []byte, at int, with ...byte) []byte {
		data = bytes.Clone(data)
		copy(data[at:], with)
		return data
	}
	most := []byte{255, 255, 255, 255, 255, 255, 255, 127}
	for _, tt := range []struct {
		name   string
		data   []byte
		stream bool
		err    error
		says   string
	}{
		{name: "nothing", err: perfdata.ErrFormat, says: "empty"},
		{name: "short", data: []byte("PERF"), err: perfdata.ErrTruncated},
		{name: "text", data: []byte("resourceMetrics, resourceMetrics"), err: perfdata.ErrFormat, says: `"resource"`},
		{name: "the old form", data: []byte("PERFFILE, and what was behind it"), err: perfdata.ErrFormat,
			says: "2.6.38"},
		{name: "a short header", data: change(file, 8, 103), err: perfdata.ErrFormat},
		{name: "only a header", data: file[:104], err: perfdata.ErrTruncated},
		{name: "attributes too short", data: change(file, 16, 79, 0), err: perfdata.ErrFormat},
		{name: "attributes too long", data: change(file, 16, most...), err: perfdata.ErrFormat},
		{name: "attributes nowhere", data: change(file, 24, most...), err: perfdata.ErrTruncated},
		{name: "too many attributes", data: change(file, 32, most...), err: perfdata.ErrLimit},
		{name: "too many ids", data: change(file, 112+128+8, most...), err: perfdata.ErrLimit},
		{name: "a compressed file", data: change(file, 72+3, 1<<3), err: perfdata.ErrCompressed, says: "-z"},

		{name: "a record without a size", data: change(stream, 16+6, 0, 0), stream: true, err: perfdata.ErrFormat},
		{name: "a short attribute", data: change(stream, 16+8+4, 8), stream: true, err: perfdata.ErrFormat},
		{name: "a long attribute", data: change(stream, 16+8+4, 255), stream: true, err: perfdata.ErrFormat},
		{name: "tracing data of another kind", data: bytes.Replace(stream, []byte("Dtracing"), []byte("Dhunting"), 1),
			stream: true, err: perfdata.ErrFormat},
		{name: "tracing data without its second part", data: bytes.Replace(stream, []byte("header_event"),
			[]byte("header_other"), 1), stream: true, err: perfdata.ErrFormat},
		{name: "compressed records", data: append(bytes.Clone(stream), 81, 0, 0, 0, 0, 0, 8, 0), stream: true,
			err: perfdata.ErrCompressed},
		{name: "compressed records of Linux 6.16", data: append(bytes.Clone(stream), 83, 0, 0, 0, 0, 0, 8, 0),
			stream: true, err: errors.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readAll(input(tt.data, tt.stream), perfdata.Options{})
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestFileNeedsToSeek(t *testing.T) {
	_, err := perfdata.NewReader(notSeekable{bytes.NewReader(testdata(t, "default"))}, perfdata.Options{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "perf record -o -")

	// A pipe is an *os.File.
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	go func() {
		_, _ = writer.Write(testdata(t, "default")[:1000])
		_ = writer.Close()
	}()
	_, err = perfdata.NewReader(reader, perfdata.Options{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// Either form may be a part of a larger file.
func TestBeginsWhereItStands(t *testing.T) {
	for _, name := range []string{"default", "stream"} {
		in := bytes.NewReader(append(bytes.Repeat([]byte("x"), 1001), testdata(t, name)...))
		_, err := in.Seek(1001, io.SeekStart)
		require.NoError(t, err)
		events, _, err := readAll(in, perfdata.Options{})
		require.NoError(t, err)
		assert.Len(t, events, recordedEvents)
	}
}

func TestErrorsOfTheSource(t *testing.T) {
	broken := errors.New("broken")
	data := testdata(t, "stream")
	events, r, err := readAll(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)), perfdata.Options{})
	require.ErrorIs(t, err, broken)
	assert.Len(t, events, recordedEvents)
	var ev listen.Event
	require.ErrorIs(t, r.Read(&ev), broken, "and it stays")
	_, err = perfdata.NewReader(iotest.ErrReader(broken), perfdata.Options{})
	require.ErrorIs(t, err, broken)

	// Bytes may come one by one.
	events, _, err = readAll(iotest.OneByteReader(bytes.NewReader(data)), perfdata.Options{})
	require.NoError(t, err)
	assert.Len(t, events, recordedEvents)
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []perfdata.Options{
		{Names: []string{""}},
		{MaxMemory: -1},
		{MaxMemory: 1<<20 - 1},
		{Formats: []string{"no format"}},
	} {
		_, err := perfdata.NewReader(bytes.NewReader(nil), options)
		require.ErrorIs(t, err, perfdata.ErrInvalidOption, fmt.Sprintf("%+v", options))
	}
}

func TestReadUsesMemoryAgain(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	const count = 2000
	for i := range count {
		g.otlp(generatedSample{time: uint64(i)}, make([]byte, 4000))
		if i%20 == 0 {
			g.finishedRound()
		}
	}
	r, err := perfdata.NewReader(bytes.NewReader(g.file()), perfdata.Options{})
	require.NoError(t, err)
	var ev listen.Event
	for range 100 {
		require.NoError(t, r.Read(&ev))
	}
	allocs := testing.AllocsPerRun(count-300, func() {
		if err := r.Read(&ev); err != nil {
			t.Fatal(err)
		}
	})
	assert.Zero(t, allocs)
}
