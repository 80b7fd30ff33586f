// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"testing"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// FuzzPerfData reads any bytes, once as a file and once as a stream.
func FuzzPerfData(f *testing.F) {
	for _, recorded := range recordings {
		f.Add(testdata(f, recorded.name))
	}
	for _, order := range orders {
		g := newGenerator(order,
			generatedEvent{tracepoint: 7, sampleType: perfDefault | sampleRead | sampleCallchain,
				readFormat: readGroup | readID | readLost, ids: []uint64{70}, useClock: true, clock: 1},
			generatedEvent{tracepoint: 8, sampleType: perfDefault, ids: []uint64{80}})
		g.formats = []generatedFormat{
			{tracefs.System, layouttest.OTLPFormat("otlp_metrics", 7)},
			{tracefs.SystemMulti, layouttest.Format("otlp_metrics.1", 8, "")},
		}
		g.clockData(1, 2, 3)
		s := generatedSample{pid: 1, tid: 1, time: 1, id: 70, chain: 2, group: 2}
		g.comm(s, "name")
		g.fork(s, 2, 1)
		g.otlp(s, []byte("payload"))
		g.sample(g.events[1], generatedSample{time: 2, id: 80, raw: layouttest.Fieldless(order, 8, []byte("payload"))})
		g.lost(s, 3)
		g.lostSamples(s, 0, 3)
		g.finishedRound()
		g.record(71, 0, g.u64(nil, 8, 0, 0, 0, 0))
		g.records = g.u64(g.records, 0)
		f.Add(g.file())
		f.Add(g.stream())
	}
	for _, order := range orders {
		g := eventGenerator(order)
		f.Add(g.file())
		f.Add(g.stream())
	}
	format := layouttest.OTLPFormat("otlp_metrics", 447)
	f.Fuzz(func(t *testing.T, data []byte) {
		drain := func(in io.Reader, events ...string) {
			r, err := perfdata.NewReader(in,
				perfdata.Options{Events: events, Formats: []string{format}, MaxMemory: 1 << 20})
			if err != nil {
				return
			}
			var ev listen.Event
			n := uint64(0)
			for err = r.Read(&ev); err == nil; err = r.Read(&ev) {
				n++
				if len(ev.Payload) > 1<<16 || len(ev.Process) > 15 || ev.PID < 0 || ev.TID < 0 {
					t.Fatalf("an event that cannot be: %+v", ev)
				}
				if ev.Err != nil && len(ev.Payload) > 0 {
					t.Fatalf("a payload and %v", ev.Err)
				}
				if text, err := ev.AppendJSON(nil); err == nil && !json.Valid(text) {
					t.Fatalf("no JSON: %s", text)
				}
			}
			// A record has 8 bytes at least, so no input can stand for more events than this.
			if stats := r.Stats(); n != stats.Received || n > uint64(len(data)/8) {
				t.Fatalf("%d events of %d bytes: %+v", n, len(data), stats)
			}
			if again := r.Read(&ev); again == nil || again.Error() != err.Error() {
				t.Fatalf("ended with %v, and then %v", err, again)
			}
			_ = r.Info()
		}
		drain(bytes.NewReader(data))
		drain(notSeekable{bytes.NewReader(data)})
		drain(bytes.NewReader(data), "*:*")
	})
}

// The layouts of samples with what is in them at random, against their being found: most inputs of the other target are
// no
// perf.data at all.
func FuzzRecords(f *testing.F) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	g.otlp(generatedSample{time: 1, pid: 1, tid: 1}, []byte("payload"))
	g.comm(generatedSample{pid: 1, tid: 1}, "name")
	f.Add(uint64(perfDefault), uint64(0), g.records)
	f.Add(uint64(perfDefault|sampleRead|sampleCallchain), uint64(readGroup|readID), g.records)
	f.Fuzz(func(t *testing.T, sampleType, readFormat uint64, records []byte) {
		g := otlpGenerator(binary.LittleEndian, sampleType)
		g.events[0].readFormat = readFormat
		g.records = records
		_, r, err := readAll(notSeekable{bytes.NewReader(g.stream())}, perfdata.Options{MaxMemory: 1 << 20})
		if r == nil {
			t.Fatal(err)
		}
	})
}
