// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

func readN(t *testing.T, l *Listener, n int) []Event {
	t.Helper()
	events := make([]Event, n)
	for i := range events {
		require.NoError(t, l.Read(context.Background(), &events[i]))
	}
	return events
}

func payloads(events []Event) (s []string) {
	for _, ev := range events {
		s = append(s, string(ev.Payload))
	}
	return s
}

func TestMergeByTime(t *testing.T) {
	sys := newFakeSystem(0, 1, 5)
	l := sys.listenTo(t, Options{})
	for _, w := range []struct {
		at  int64
		cpu int
	}{{10, 0}, {40, 0}, {20, 1}, {30, 1}, {60, 1}, {50, 5}, {60, 5}} {
		sys.writeAt(w.at, w.cpu, 7, rawOTLP(447, fmt.Sprintf("%d on %d", w.at, w.cpu)))
	}
	events := readN(t, l, 7)
	assert.Equal(t, []string{"10 on 0", "20 on 1", "30 on 1", "40 on 0", "50 on 5", "60 on 1", "60 on 5"},
		payloads(events))
	assert.Equal(t, 5, events[4].CPU)
	assert.Equal(t, int64(50), events[4].Monotonic)
}

// Writes one after another come out in that order, whatever the reader is doing
// meanwhile. A write is made at each step of the reader that others can get
// between.
func TestOrderOfWritesOneAfterAnother(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	const cpus, total = 4, 5000
	sys := newFakeSystem(0, 1, 2, 3)
	l := sys.listenTo(t, Options{RingSize: 1 << 20})
	written, between := 0, 0
	write := func() {
		if written < total {
			sys.write(rnd.IntN(cpus), 7, rawOTLP(447, strconv.Itoa(written)))
			written++
		}
	}
	for _, r := range sys.rings {
		r.onLoadHead = func() {
			for range rnd.IntN(3) {
				write()
				between++
			}
		}
	}
	var ev Event
	for i := range total {
		if i == written {
			write()
		}
		require.NoError(t, l.Read(context.Background(), &ev))
		require.Equal(t, strconv.Itoa(i), string(ev.Payload))
	}
	assert.Greater(t, between, total/2, "writes between the reader's steps")
}

// Writers that are interrupted between taking the time and publishing come
// late, but nothing is lost or duplicated, and each ring keeps its order.
func TestOrderOfOverlappingWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	sys := newFakeSystem(0, 1, 2)
	l := sys.listenTo(t, Options{RingSize: 1 << 20})
	type begun struct{ at int64 }
	open := map[int]*begun{}
	next := map[int]int{}
	step := func() {
		cpu := rnd.IntN(3)
		if b := open[cpu]; b != nil {
			sys.writeAt(b.at, cpu, 7, rawOTLP(447, strconv.Itoa(next[cpu])))
			next[cpu]++
			delete(open, cpu)
		} else {
			open[cpu] = &begun{sys.monotonic()}
		}
	}
	for _, r := range sys.rings {
		r.onLoadHead = step
	}
	got := map[int]int{}
	for range 3000 {
		var ev Event
		for sys.written() == l.Stats().Total().Received {
			step()
		}
		require.NoError(t, l.Read(context.Background(), &ev))
		require.Equal(t, strconv.Itoa(got[ev.CPU]), string(ev.Payload))
		got[ev.CPU]++
	}
	for cpu := range 3 {
		assert.Greater(t, got[cpu], 500)
	}
}

func (f *fakeSystem) written() (n uint64) {
	for _, r := range f.rings {
		n += r.written.Load()
	}
	return n
}

// A record later than the clock says cannot be; should one come, it is
// delivered and not waited for forever.
func TestRecordFromTheFuture(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	sys.writeAt(1<<62, 0, 7, rawOTLP(447, "future"))
	assert.Equal(t, []string{"future"}, payloads(readN(t, l, 1)))
	sys.write(0, 7, rawOTLP(447, "now"))
	assert.Equal(t, []string{"now"}, payloads(readN(t, l, 1)))
}

// In each ring, what the kernel counted is what was received and what was lost,
// and LOST records say where.
func TestLossesAreCountedOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	sys := newFakeSystem(0, 1)
	l := sys.listenTo(t, Options{RingSize: 32 << 10})
	var recorded uint64
	received := 0
	var ev Event
	for range 300 {
		for range rnd.IntN(80) {
			sys.write(rnd.IntN(2), 7, rawOTLP(447, string(make([]byte, rnd.IntN(4000)))))
		}
		for range rnd.IntN(40) {
			if l.Stats().Total().Received+l.Stats().Total().Lost == sys.written() {
				break
			}
			require.NoError(t, l.Read(context.Background(), &ev))
			recorded += ev.LostBefore
			received++
		}
	}
	for l.Stats().Total().Received+l.Stats().Total().Lost < sys.written() {
		require.NoError(t, l.Read(context.Background(), &ev))
		recorded += ev.LostBefore
		received++
	}
	var pending uint64
	for _, c := range l.Stats().CPUs {
		assert.Equal(t, c.Written, c.Received+c.Lost, "CPU %d", c.CPU)
		assert.Greater(t, c.Lost, uint64(100))
		pending += sys.rings[c.CPU].pending
	}
	total := l.Stats().Total()
	assert.Equal(t, uint64(received), total.Received)
	assert.Equal(t, total.Lost, recorded+pending, "the gaps are the same losses")
	assert.Zero(t, total.Resyncs+total.Malformed+total.Unknown)
}

func TestOtherRecords(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	r := sys.rings[0]
	put := func(b []byte) { r.put(b) }
	put(makeRecord(perfrecord.Throttle, make([]byte, 24)))
	put(makeRecord(perfrecord.Unthrottle, make([]byte, 24)))
	put(makeRecord(1234, make([]byte, 80))) // a kind from the future
	put(makeRecord(perfrecord.Lost, make([]byte, 8)))
	put(makeRecord(perfrecord.LostSamples, nil))
	put(makeRecord(perfrecord.LostSamples, []byte{3, 0, 0, 0, 0, 0, 0, 0}))
	put(lostRecord(4))
	put(makeRecord(perfrecord.Sample, make([]byte, 16)))
	put(sampleRecord(7, 8, 1, 0, rawOTLP(9999, "another tracepoint")))
	put(sampleRecord(7, 8, 1, 0, nil)[:perfrecord.HeaderSize+sampleFixedSize-4+8]) // as it should be
	short := sampleRecord(7, 8, 1, 0, rawOTLP(447, "says more than it has"))
	short[perfrecord.HeaderSize+24]++
	put(short)
	sys.write(0, 7, rawOTLP(447, "event"))

	ev := readN(t, l, 1)[0]
	assert.Equal(t, "event", string(ev.Payload))
	c := l.Stats().CPUs[0]
	assert.Equal(t, uint64(1), c.Throttled)
	assert.Equal(t, uint64(4), c.Malformed, "two short LOST, a short sample, one that says too much")
	assert.Equal(t, uint64(3), c.Unknown, "a kind, a tracepoint, and none at all")
	assert.Equal(t, uint64(5), c.Received)
	assert.Zero(t, c.Resyncs)
	assert.Equal(t, 3+4, int(ev.LostBefore)) // in little-endian and big
}

func TestResyncIsCounted(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	sys.rings[0].put(make([]byte, 64)) // records of size 0
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.beginBatch()
	assert.Equal(t, uint64(1), l.Stats().CPUs[0].Resyncs)
	sys.write(0, 7, rawOTLP(447, "goes on"))
	assert.ErrorIs(t, l.Read(ctx, &Event{}), context.Canceled)
	assert.Equal(t, []string{"goes on"}, payloads(readN(t, l, 1)))
}

func TestFilterByProcess(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{PIDs: []int{0, 8}})
	sys.rings[0].put(lostRecord(2))
	for i, pid := range []int{7, 8, 7, 0, 9, 8} {
		sys.write(0, pid, rawOTLP(447, strconv.Itoa(i)))
	}
	events := readN(t, l, 3)
	assert.Equal(t, []string{"1", "3", "5"}, payloads(events))
	assert.Equal(t, uint64(2), events[0].LostBefore, "the gap is not filtered away")
	c := l.Stats().CPUs[0]
	assert.Equal(t, uint64(3), c.Filtered)
	assert.Equal(t, uint64(6), c.Received)
	assert.NotContains(t, sys.lookups, 7, "no name is looked up of a process that is not wanted")
}

func TestEventFields(t *testing.T) {
	wall := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	sys := newFakeSystem(3)
	sys.names[7] = "shop"
	l := sys.listenTo(t, Options{
		Names: []string{"otlp_metrics", "other"},
		Clock: func() (int64, time.Time) { return 1000, wall },
	})
	sys.writeAt(1500, 3, 7, rawOTLP(448, "second tracepoint"))
	sys.writeAt(1600, 3, 0, rawCommon(447))
	events := readN(t, l, 2)
	assert.Equal(t, Event{
		Tracepoint: "other", Time: wall.Add(500), Monotonic: 1500, CPU: 3, PID: 7, TID: 8, Process: "shop",
		Version: "v0.19.00", Payload: []byte("second tracepoint"),
	}, events[0])
	bad := events[1]
	require.ErrorIs(t, bad.Err, ErrUndecodable)
	bad.Err = nil
	assert.Equal(t, Event{Tracepoint: "otlp_metrics", Time: wall.Add(600), Monotonic: 1600, CPU: 3, PID: 0, TID: 1},
		bad)
	c := l.Stats().CPUs[0]
	assert.Equal(t, uint64(1), c.Undecodable)
	assert.Equal(t, uint64(2), c.Received)
}

func TestReadUsesTheEventsMemoryAgain(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	var ev Event
	sys.write(0, 7, rawOTLP(447, "a long payload"))
	require.NoError(t, l.Read(context.Background(), &ev))
	first := &ev.Payload[0]
	sys.write(0, 7, rawOTLP(447, "short"))
	require.NoError(t, l.Read(context.Background(), &ev))
	assert.Same(t, first, &ev.Payload[0])
	assert.Equal(t, "short", string(ev.Payload))
	sys.write(0, 7, rawCommon(447))
	require.NoError(t, l.Read(context.Background(), &ev))
	assert.Empty(t, ev.Payload)
	assert.Empty(t, ev.Version, "nothing of the last event is left")
	require.ErrorIs(t, ev.Err, ErrUndecodable)
	sys.write(0, 7, rawOTLP(447, "good"))
	require.NoError(t, l.Read(context.Background(), &ev))
	assert.NoError(t, ev.Err)
}

func BenchmarkRead(b *testing.B) {
	sys := newFakeSystem(0, 1, 2, 3)
	l := sys.listenTo(b, Options{})
	recs := make([][]byte, 4)
	for cpu := range recs {
		recs[cpu] = sampleRecord(7, 8, 1, cpu, rawOTLP(447, string(make([]byte, 4048))))
	}
	var ev Event
	b.ReportAllocs()
	for i := 0; i < b.N; {
		n := min(1000, b.N-i)
		b.StopTimer()
		for j := range n {
			sys.rings[j%4].write(recs[j%4])
		}
		b.StartTimer()
		for range n {
			if err := l.Read(context.Background(), &ev); err != nil {
				b.Fatal(err)
			}
		}
		i += n
	}
}
