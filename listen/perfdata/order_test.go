// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"cmp"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// perf as it records: events come to the rings of CPUs at their times, and in rounds it empties one ring after
// the other, while more come.
func TestEventsAreInOrder(t *testing.T) {
	const cpus = 4
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		g := otlpGenerator(binary.LittleEndian, perfDefault)
		var rings [cpus][]uint64
		now := uint64(1)
		arrive := func() {
			for range random.IntN(6) {
				now += 1 + random.Uint64N(9)
				cpu := random.IntN(cpus)
				rings[cpu] = append(rings[cpu], now)
			}
		}
		count := 0
		for range 30 {
			for cpu := range rings {
				arrive()
				for _, at := range rings[cpu] {
					g.otlp(generatedSample{time: at, cpu: uint32(cpu)}, nil)
					count++
				}
				rings[cpu] = nil
			}
			g.finishedRound()
		}
		g.both(func(form string, data []byte, stream bool) {
			events, r, err := readAll(input(data, stream), perfdata.Options{})
			require.NoError(t, err)
			require.Len(t, events, count)
			for i := 1; i < len(events); i++ {
				require.Greater(t, events[i].Monotonic, events[i-1].Monotonic, "seed %d, %s, event %d", seed, form, i)
			}
			require.Zero(t, r.Stats().Disordered)
		})
	}
}

// A round is delivered when the next one is over, and not only at the end.
func TestStreamIsDeliveredAsItComes(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	g.otlp(generatedSample{time: 1}, []byte("first"))
	g.finishedRound()
	g.otlp(generatedSample{time: 2}, []byte("second"))
	g.finishedRound()
	in := &counting{data: g.stream()}
	g.otlp(generatedSample{time: 3}, []byte("third"))
	in.more = g.stream()[len(in.data):]

	r, err := perfdata.NewReader(in, perfdata.Options{})
	require.NoError(t, err)
	var got []string
	for ev, err := range r.All() {
		require.NoError(t, err)
		got = append(got, string(ev.Payload))
		if len(got) == 1 {
			assert.False(t, in.asked, "the first round is known to be complete")
		}
	}
	assert.Equal(t, []string{"first", "second", "third"}, got)
}

// counting is a stream that has more only if it is asked again.
type counting struct {
	data, more []byte
	asked      bool
}

func (c *counting) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		c.asked = true
		c.data, c.more = c.more, nil
	}
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.data)
	c.data = c.data[n:]
	return n, nil
}

// Without marks of rounds nothing is known to be complete. Then memory is the limit: what is older is delivered,
// and it is counted if something came too late.
func TestMemoryIsBounded(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	payload := make([]byte, 1000)
	const count = 5000 // 5 MB
	for i := range count {
		g.otlp(generatedSample{time: uint64(1000 + i)}, payload)
	}
	for i := range 10 {
		g.otlp(generatedSample{time: uint64(i)}, payload) // too late
	}
	data := g.file()
	for _, tt := range []struct {
		memory     int
		disordered uint64
	}{{0, 0}, {1 << 20, 10}} {
		events, r, err := readAll(input(data, false), perfdata.Options{MaxMemory: tt.memory})
		require.NoError(t, err)
		require.Len(t, events, count+10)
		assert.Equal(t, tt.disordered, r.Stats().Disordered)
		assert.Equal(t, tt.disordered == 0, slices.IsSortedFunc(events, byTime))
	}
}

// Without times events come in the order of the file.
func TestWithoutTimes(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault&^sampleTime)
	for i := range 20 {
		g.otlp(generatedSample{}, []byte{byte(i)})
		if i%7 == 0 {
			g.finishedRound()
		}
	}
	g.both(func(form string, data []byte, stream bool) {
		events, r, err := readAll(input(data, stream), perfdata.Options{})
		require.NoError(t, err)
		require.Len(t, events, 20)
		for i, ev := range events {
			require.Equal(t, []byte{byte(i)}, ev.Payload, form)
			require.Zero(t, ev.Monotonic)
			require.True(t, ev.Time.IsZero())
		}
		assert.Zero(t, r.Stats().Disordered)
	})
}

func byTime(a, b listen.Event) int { return cmp.Compare(a.Monotonic, b.Monotonic) }
