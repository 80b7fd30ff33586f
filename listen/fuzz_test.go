// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// FuzzSample takes arbitrary records apart, as a ring that was damaged would
// have them.
func FuzzSample(f *testing.F) {
	f.Add(sampleRecord(1, 2, 3, 0, rawOTLP(447, "payload"))[perfrecord.HeaderSize:])
	f.Add(sampleRecord(-1, -2, math.MinInt64, 1<<20, nil)[perfrecord.HeaderSize:])
	f.Add(bytes.Repeat([]byte{0xFF}, 60))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		s, ok := parseSample(body)
		at, timeOK := sampleTime(body)
		if ok && (!timeOK || at != s.time) {
			t.Fatalf("the time of a sample is %d or %d, %v", s.time, at, timeOK)
		}
		if timeOK != (len(body) >= sampleFixedSize) {
			t.Fatalf("a time in %d bytes: %v", len(body), timeOK)
		}
		if !ok {
			return
		}
		if len(s.raw)+sampleFixedSize > len(body) {
			t.Fatalf("raw data of %d bytes in a body of %d", len(s.raw), len(body))
		}
		// Written again, it is the same but for the word that nobody uses.
		e := binary.NativeEndian
		b := e.AppendUint32(nil, uint32(s.pid))
		b = e.AppendUint32(b, uint32(s.tid))
		b = e.AppendUint64(b, uint64(s.time))
		b = e.AppendUint32(b, s.cpu)
		b = append(b, body[len(b):len(b)+4]...)
		b = e.AppendUint32(b, uint32(len(s.raw)))
		b = append(b, s.raw...)
		if !bytes.Equal(b, body[:len(b)]) {
			t.Fatalf("%x became %x", body[:len(b)], b)
		}
		if id, ok := s.eventID(); ok != (len(s.raw) >= 2) || id < 0 || id > math.MaxUint16 {
			t.Fatalf("id %d of %d bytes", id, len(s.raw))
		}
	})
}

// FuzzListener has arbitrary bytes in two rings, whole and in pieces, and reads
// them to the end as events.
func FuzzListener(f *testing.F) {
	good := sampleRecord(7, 8, 100, 0, rawOTLP(447, "payload"))
	f.Add(good, sampleRecord(7, 8, 50, 1, rawFieldless(448, "payload")), uint16(0))
	f.Add(append(lostRecord(9), good...), bytes.Repeat(good, 20), uint16(64))
	f.Add(sampleRecord(0, 0, math.MaxInt64, 0, rawOTLP(447, "future")),
		sampleRecord(0, 0, math.MinInt64, 0, rawOTLP(447, "past")), uint16(16))
	f.Add(makeRecord(perfrecord.Throttle, make([]byte, 24)), makeRecord(perfrecord.LostSamples, make([]byte, 8)),
		uint16(3))
	f.Add(makeRecord(77, make([]byte, 4096)), []byte{9, 0, 0, 0, 0, 0, 0, 0}, uint16(1))
	f.Fuzz(func(t *testing.T, one, two []byte, cut uint16) {
		const size = 32 << 10
		sys := newFakeSystem(0, 1)
		sys.formats["user_events/b"] = layouttest.ParsedFieldless("b", 448)
		sys.nextID = 447
		l := sys.listenTo(t, Options{Names: []string{"a", "b"}, RingSize: size})
		// Rings that were in use, so that records go around the end.
		for cpu, r := range sys.rings {
			start := uint64(size - 8*(int(cut)%64))
			r.head.Store(start)
			r.tail.Store(start)
			l.rings.open[cpu].ring.tail, l.rings.open[cpu].ring.end = start, start
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		// Read waits only when all is read: that ends it.
		sys.waiters[0].onWait = cancel
		delivered := 0
		read := func() {
			var ev Event
			for {
				err := l.Read(ctx, &ev)
				if errors.Is(err, context.Canceled) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				delivered++
				if len(ev.Payload) > math.MaxUint16 || len(ev.Version) > 64 || ev.CPU > 1 {
					t.Fatalf("event of %d bytes, version %q, CPU %d", len(ev.Payload), ev.Version, ev.CPU)
				}
				if ev.Err != nil && (len(ev.Payload) > 0 || !errors.Is(ev.Err, ErrUndecodable)) {
					t.Fatalf("%d bytes and %v", len(ev.Payload), ev.Err)
				}
			}
			ctx, cancel = context.WithCancel(context.Background())
			sys.waiters[0].onWait = cancel
		}
		for cpu, b := range [][]byte{one, two} {
			b = b[:min(len(b), size)]
			at := min(int(cut), len(b))
			sys.rings[cpu].put(b[:at])
			read()
			sys.rings[cpu].put(b[at:])
		}
		read()
		total := l.Stats().Total()
		for cpu, r := range sys.rings {
			if r.tail.Load() != r.head.Load() {
				t.Fatalf("CPU %d: stopped at %d of %d", cpu, r.tail.Load(), r.head.Load())
			}
		}
		// A sample that is unknown is received too; what leads nowhere is given up
		// once for each piece.
		records := uint64(len(one)+len(two)) / perfrecord.HeaderSize
		if total.Received+total.Unknown > 2*records || total.Resyncs > 4 {
			t.Fatalf("%+v of %d bytes", total, len(one)+len(two))
		}
		if uint64(delivered) > total.Received || total.Received > uint64(delivered)+total.Malformed+total.Unknown {
			t.Fatalf("%d delivered, %+v", delivered, total)
		}
	})
}
