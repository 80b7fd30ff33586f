// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// Records of all sizes come out as they went in, however often the ring goes
// around, and the space of each is given back.
func TestRingRoundAndRound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	m := newMemRing(4096)
	r := ring{mem: m}
	var want [][]byte
	wrapped, written := 0, 0
	for range 4000 {
		for range rnd.IntN(4) {
			body := make([]byte, 8*rnd.IntN(200))
			for i := range body {
				body[i] = byte(rnd.Int())
			}
			rec := makeRecord(perfrecord.Sample, body)
			if m.head.Load()-m.tail.Load()+uint64(len(rec)) >= uint64(len(m.area)) {
				break
			}
			if m.head.Load()%4096+uint64(len(rec)) > 4096 {
				wrapped++
			}
			m.put(rec)
			want = append(want, body)
			written++
		}
		r.snapshot()
		for range rnd.IntN(6) {
			rec, ok := r.peek()
			if !ok {
				require.Empty(t, want)
				break
			}
			require.Equal(t, uint32(perfrecord.Sample), rec.kind)
			require.True(t, bytes.Equal(want[0], rec.body))
			before := m.tail.Load()
			r.advance()
			require.Equal(t, before+perfrecord.HeaderSize+uint64(len(want[0])), m.tail.Load())
			want = want[1:]
		}
	}
	assert.Zero(t, r.resyncs)
	assert.Greater(t, wrapped, 500)
	assert.Greater(t, written, 10*wrapped/2)
}

func TestRingStopsAtTheSnapshot(t *testing.T) {
	m := newMemRing(4096)
	r := ring{mem: m}
	_, ok := r.peek()
	assert.False(t, ok, "before the first snapshot")
	m.put(lostRecord(1))
	r.snapshot()
	m.put(lostRecord(2))
	_, ok = r.peek()
	require.True(t, ok)
	r.advance()
	_, ok = r.peek()
	assert.False(t, ok, "written after the snapshot")
	r.snapshot()
	rec, ok := r.peek()
	require.True(t, ok)
	n, ok := perfrecord.LostCount(rec.kind, rec.body, binary.NativeEndian)
	require.True(t, ok)
	assert.Equal(t, uint64(2), n)
}

func TestRingCountsFarPastItsSize(t *testing.T) {
	for _, start := range []uint64{4096 * 1_000_000, math.MaxUint64 - 4095, math.MaxUint64 - 15} {
		m := newMemRing(4096)
		m.head.Store(start)
		r := ring{mem: m, tail: start, end: start}
		for i := range uint64(300) {
			m.put(lostRecord(i))
			r.snapshot()
			rec, ok := r.peek()
			require.True(t, ok)
			n, _ := perfrecord.LostCount(rec.kind, rec.body, binary.NativeEndian)
			require.Equal(t, i, n)
			r.advance()
		}
		assert.Equal(t, start+300*24, m.tail.Load())
	}
}

func TestRingResync(t *testing.T) {
	header := func(size uint16) []byte {
		b := makeRecord(perfrecord.Sample, make([]byte, 24))
		binary.NativeEndian.PutUint16(b[6:], size)
		return b
	}
	good := lostRecord(5)
	tests := []struct {
		name  string
		bytes []byte
	}{
		{"size zero", header(0)},
		{"size below a header", header(4)},
		{"size not of 8", header(20)},
		{"past the snapshot", header(40)},
		{"far past the snapshot", header(65528)},
		{"behind a good one", append(good[:len(good):len(good)], header(0)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemRing(4096)
			r := ring{mem: m}
			m.put(tt.bytes)
			r.snapshot()
			for {
				if _, ok := r.peek(); !ok {
					break
				}
				r.advance()
			}
			assert.Equal(t, uint64(1), r.resyncs)
			assert.Equal(t, m.head.Load(), m.tail.Load(), "all up to the snapshot is given up")

			m.put(good)
			r.snapshot()
			rec, ok := r.peek()
			require.True(t, ok, "and from there it goes on")
			assert.Equal(t, uint32(perfrecord.Lost), rec.kind)
		})
	}
	t.Run("a head that cannot be", func(t *testing.T) {
		for _, head := range []uint64{4, 4104, 1 << 40, math.MaxUint64} {
			m := newMemRing(4096)
			r := ring{mem: m}
			m.head.Store(head)
			r.snapshot()
			_, ok := r.peek()
			assert.False(t, ok)
			assert.Equal(t, uint64(1), r.resyncs)
		}
	})
}

func FuzzRing(f *testing.F) {
	f.Add(sampleRecord(1, 2, 3, 0, rawOTLP(447, "payload")), uint64(0), uint16(0))
	f.Add(append(lostRecord(9), sampleRecord(1, 2, 3, 0, rawOTLP(447, "payload"))...), uint64(4096-16), uint16(0))
	f.Add(makeRecord(perfrecord.Throttle, make([]byte, 24)), uint64(8), uint16(3))
	f.Add(makeRecord(99, nil), uint64(math.MaxUint64-7), uint16(1))
	f.Add([]byte{9, 0, 0, 0, 0, 0, 0, 0}, uint64(0), uint16(0))
	f.Fuzz(func(t *testing.T, written []byte, start uint64, cut uint16) {
		m := newMemRing(4096)
		start &^= 7
		m.head.Store(start)
		m.tail.Store(start)
		r := ring{mem: m, tail: start, end: start}
		if len(written) > len(m.area) {
			written = written[:len(m.area)]
		}
		// In two parts, as a snapshot may come anywhere.
		at := min(int(cut), len(written))
		c := &cpuRing{cpu: &cpuState{}}
		records := 0
		for _, part := range [][]byte{written[:at], written[at:]} {
			m.put(part)
			r.snapshot()
			for {
				rec, ok := r.peek()
				if !ok {
					break
				}
				records++
				if len(rec.body) > len(written) {
					t.Fatalf("a body of %d bytes from %d", len(rec.body), len(written))
				}
				if s, ok := parseSample(rec.body); ok && len(s.raw)+sampleFixedSize > len(rec.body) {
					t.Fatalf("raw data of %d bytes in a body of %d", len(s.raw), len(rec.body))
				}
				c.count(rec)
				r.advance()
			}
			if r.tail != r.end || m.tail.Load() != m.head.Load() {
				t.Fatal("stopped before the snapshot")
			}
		}
		if records > len(written)/perfrecord.HeaderSize {
			t.Fatalf("%d records in %d bytes", records, len(written))
		}
		if len(r.scratch) > len(m.area) {
			t.Fatalf("%d bytes of scratch", len(r.scratch))
		}
	})
}
