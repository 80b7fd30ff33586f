// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// withSampleID adds what sample_id_all does.
func withSampleID(kind uint32, body []byte, at int64) []byte {
	e := binary.NativeEndian
	body = e.AppendUint64(body, 0) // of the thread that made the record
	body = e.AppendUint64(body, uint64(at))
	return makeRecord(kind, e.AppendUint64(body, 0))
}

func taskRecord(kind uint32, pid, parent, tid, parentsTID int, at int64) []byte {
	e := binary.NativeEndian
	var b []byte
	for _, n := range []int{pid, parent, tid, parentsTID} {
		b = e.AppendUint32(b, uint32(n))
	}
	return withSampleID(kind, e.AppendUint64(b, uint64(at)), at)
}

func forkRecord(pid, parent int, at int64) []byte {
	return taskRecord(perfrecord.Fork, pid, parent, pid, parent, at)
}

func exitRecord(pid int, at int64) []byte {
	return taskRecord(perfrecord.Exit, pid, 1, pid, 1, at)
}

func commRecord(pid, tid int, name string, at int64) []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(e.AppendUint32(nil, uint32(pid)), uint32(tid))
	b = append(append(b, name...), 0)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return withSampleID(perfrecord.Comm, b, at)
}

// ms is a time on the fakes' clock.
func ms(n int) int64 { return int64(n) * int64(time.Millisecond) }

// tick is the same as a start: since boot, in whole ticks.
func tick(n int) time.Duration { return time.Duration(ms(n)) }

type writer struct {
	name  string
	start time.Duration
}

// Records come on one CPU, events are written on the other. Nothing is read
// before all of that.
func TestFollowedProcesses(t *testing.T) {
	type step struct {
		record []byte
		event  int   // or the pid of a process that writes
		at     int64 // when
	}
	for _, tt := range []struct {
		name  string
		alive map[int]writer // when the events are read
		steps []step
		want  []writer
	}{
		{"ended at once", nil,
			[]step{{record: forkRecord(7, 1, ms(101))}, {record: commRecord(7, 7, "shop", ms(102))},
				{event: 7, at: ms(103)},
				{record: exitRecord(7, ms(104))}},
			[]writer{{"shop", tick(100)}}},
		{"alive: what /proc says of the start is used", map[int]writer{7: {"later", tick(100)}},
			[]step{{record: forkRecord(7, 1, ms(110))}, {record: commRecord(7, 7, "shop", ms(111))},
				{event: 7, at: ms(113)}},
			[]writer{{"shop", tick(100)}}},
		{"alive before the records", map[int]writer{7: {"shop", tick(20)}},
			[]step{{event: 7, at: ms(103)}},
			[]writer{{"shop", tick(20)}}},
		{"there before the records, and ended", nil,
			[]step{{event: 7, at: ms(103)}},
			[]writer{{}}},
		{"ended, and the pid is another one's, which is not known by then", map[int]writer{7: {"new", tick(500)}},
			[]step{{event: 7, at: ms(103)}},
			[]writer{{}}},
		{"the pid comes again", map[int]writer{7: {"new", tick(300)}},
			[]step{
				{record: forkRecord(7, 1, ms(101))}, {record: commRecord(7, 7, "old", ms(102))},
				{event: 7, at: ms(103)},
				{record: exitRecord(7, ms(104))},
				{record: forkRecord(7, 1, ms(301))}, {record: commRecord(7, 7, "new", ms(302))},
				{event: 7, at: ms(303)},
			},
			[]writer{{"old", tick(100)}, {"new", tick(300)}}},
		{"the pid comes again within a tick", nil,
			[]step{
				{record: forkRecord(7, 1, ms(101))}, {record: commRecord(7, 7, "old", ms(102))},
				{event: 7, at: ms(103)},
				{record: exitRecord(7, ms(104))},
				{record: forkRecord(7, 1, ms(105))}, {record: commRecord(7, 7, "new", ms(106))},
				{event: 7, at: ms(107)},
			},
			[]writer{{"old", tick(100)}, {"new", tick(100) + 1}}},
		{"the pid of one that was there before", nil,
			[]step{{event: 7, at: ms(50)}, {record: forkRecord(7, 1, ms(101))},
				{record: commRecord(7, 7, "new", ms(102))},
				{event: 7, at: ms(103)}},
			[]writer{{}, {"new", tick(100)}}},
		{"a child has its parent's name", nil,
			[]step{{record: commRecord(5, 5, "shop", ms(90))}, {record: forkRecord(7, 5, ms(101))},
				{event: 7, at: ms(103)}},
			[]writer{{"shop", tick(100)}}},
		{"of a parent that was there before", map[int]writer{5: {"shop", tick(20)}},
			[]step{{record: forkRecord(7, 5, ms(101))}, {event: 7, at: ms(103)}},
			[]writer{{"shop", tick(100)}}},
		{"but not a name that it got since", map[int]writer{5: {"renamed", tick(20)}},
			[]step{{record: forkRecord(7, 5, ms(101))}, {record: commRecord(5, 5, "renamed", ms(102))},
				{event: 7, at: ms(103)}},
			[]writer{{"", tick(100)}}},
		{"nor that of another process with its pid", map[int]writer{5: {"other", tick(200)}},
			[]step{{record: forkRecord(7, 5, ms(101))}, {event: 7, at: ms(103)}},
			[]writer{{"", tick(100)}}},
		{"nor a thread's", map[int]writer{5: {"shop", tick(20)}},
			[]step{{record: taskRecord(perfrecord.Fork, 7, 5, 7, 6, ms(101))}, {event: 7, at: ms(103)}},
			[]writer{{"", tick(100)}}},
		{"threads and other pid namespaces are ignored", nil,
			[]step{
				{record: forkRecord(7, 1, ms(101))}, {record: commRecord(7, 7, "shop", ms(102))},
				{event: 7, at: ms(103)},
				{record: taskRecord(perfrecord.Fork, 7, 7, 8, 7, ms(203))},
				{record: commRecord(7, 8, "thread", ms(204))},
				{record: taskRecord(perfrecord.Exit, 7, 7, 8, 7, ms(205))}, {record: forkRecord(0, 0, ms(206))},
				{record: commRecord(0, 0, "outside", ms(207))}, {event: 7, at: ms(208)}, {event: 0, at: ms(209)},
			},
			[]writer{{"shop", tick(100)}, {"shop", tick(100)}, {}}},
		{"a FORK that is missing", map[int]writer{7: {"new", tick(500)}},
			[]step{{event: 7, at: ms(103)}, {event: 7, at: ms(603)}},
			[]writer{{}, {"new", tick(500)}}},
		{"the first thread ends, and another one writes", nil,
			[]step{
				{record: forkRecord(7, 1, ms(101))}, {record: commRecord(7, 7, "shop", ms(102))},
				{event: 7, at: ms(103)},
				{record: exitRecord(7, ms(104))}, {event: 7, at: ms(105)},
			},
			[]writer{{"shop", tick(100)}, {"shop", tick(100)}}},
		{"a name holds from then on", map[int]writer{7: {"second", tick(20)}},
			[]step{
				{record: commRecord(7, 7, "first", ms(101))}, {event: 7, at: ms(103)},
				{record: commRecord(7, 7, "second", ms(104))}, {event: 7, at: ms(105)},
			},
			[]writer{{"first", tick(20)}, {"second", tick(20)}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys := newFakeSystem(0, 1)
			l := sys.listenTo(t, Options{Processes: true})
			for _, s := range tt.steps {
				if s.record != nil {
					require.True(t, sys.records[1].write(s.record))
				} else {
					sys.writeAt(s.at, 0, s.event, rawOTLP(447, "x"))
				}
			}
			sys.clock = ms(1000)
			for pid, w := range tt.alive {
				sys.names[pid], sys.starts[pid] = w.name, w.start
			}
			var got []writer
			for _, ev := range readN(t, l, len(tt.want)) {
				got = append(got, writer{ev.Process, ev.ProcessStart})
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// /proc is read once for each process, not for each event.
func TestFollowedProcessesAreLookedUpOnce(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Processes: true})
	sys.names[7] = "shop"
	for range 5 {
		for _, pid := range []int{7, 8} {
			sys.write(0, pid, rawOTLP(447, "x"))
		}
		readN(t, l, 2)
		sys.pass(time.Minute)
	}
	assert.Equal(t, []int{7, 8}, sys.lookups)
}

// A batch is not delivered with what records say of later times.
func TestRecordsOfLaterBatches(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Processes: true})
	sys.clock = ms(200)
	sys.names[7], sys.starts[7] = "old", tick(10)
	sys.writeAt(ms(100), 0, 7, rawOTLP(447, "a"))
	sys.records[0].write(forkRecord(7, 1, ms(300)))
	sys.records[0].write(commRecord(7, 7, "new", ms(301)))
	assert.Equal(t, "old", readN(t, l, 1)[0].Process)
	sys.clock, sys.starts[7], sys.names[7] = ms(400), tick(300), "new"
	sys.writeAt(ms(303), 0, 7, rawOTLP(447, "b"))
	ev := readN(t, l, 1)[0]
	assert.Equal(t, writer{"new", tick(300)}, writer{ev.Process, ev.ProcessStart})
}

// Once records were lost, nothing that was known is believed.
func TestLostProcessRecords(t *testing.T) {
	fill := func(r *fakeProcessRing, until int) {
		for used := 0; used < until && r.write(forkRecord(9, 1, ms(1))); used += len(forkRecord(9, 1, 0)) {
		}
	}
	lose := func(r *fakeProcessRing) {
		fill(r, maxProcessRing)
		r.pending = 0 // the kernel says so with the next record only, and there is none
		r.lostOnes.Add(1)
	}
	for _, tt := range []struct {
		name   string
		before func(*fakeProcessRing) // an event is read
		later  bool                   // that event was written before the loss
	}{
		{"the ring was full", lose, false},
		{"the ring was full after it was looked at", func(r *fakeProcessRing) {
			fill(r, maxProcessRing/2)
			r.beforeTail = func() { lose(r) }
		}, true},
		{"a LOST record", func(r *fakeProcessRing) {
			r.lostOnes.Add(1)
			r.put(withSampleID(perfrecord.Lost, lostRecord(1)[perfrecord.HeaderSize:], ms(110)))
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys := newFakeSystem(0)
			l := sys.listenTo(t, Options{Processes: true})
			records := sys.records[0]
			sys.clock = ms(200)
			records.write(forkRecord(7, 1, ms(101)))
			records.write(commRecord(7, 7, "old", ms(102)))
			sys.writeAt(ms(103), 0, 7, rawOTLP(447, "a"))
			require.Equal(t, "old", readN(t, l, 1)[0].Process)
			asked := records.asked.Load()
			tt.before(records)
			if tt.later {
				sys.write(0, 7, rawOTLP(447, "b"))
				assert.Equal(t, "old", readN(t, l, 1)[0].Process)
			}
			sys.write(0, 7, rawOTLP(447, "c")) // of a process whose FORK was lost
			ev := readN(t, l, 1)[0]
			assert.Equal(t, writer{}, writer{ev.Process, ev.ProcessStart})
			assert.Equal(t, uint64(1), l.Stats().Total().ProcessRecordsLost)
			assert.Greater(t, records.asked.Load(), asked)
			asked = records.asked.Load()
			for range 3 {
				sys.write(0, 7, rawOTLP(447, "d"))
				readN(t, l, 1)
			}
			assert.LessOrEqual(t, records.asked.Load(), asked+1, "the kernel is not asked each time")
		})
	}
}

// A CPU that comes may have seen processes begin.
func TestProcessesWhenCPUsComeAndGo(t *testing.T) {
	sys := newFakeSystem(0, 1)
	l := sys.listenTo(t, Options{Processes: true})
	sys.clock = ms(200)
	sys.records[1].write(forkRecord(7, 1, ms(101)))
	sys.records[1].write(commRecord(7, 7, "old", ms(102)))
	sys.writeAt(ms(103), 0, 7, rawOTLP(447, "a"))
	require.Equal(t, "old", readN(t, l, 1)[0].Process)
	sys.offline(1)
	sys.pass(time.Second)
	l.beginBatch()
	sys.bringOnline(1)
	sys.pass(time.Second)
	l.beginBatch()
	require.True(t, l.rings.following())
	sys.names[7], sys.starts[7] = "new", tick(900)
	sys.write(0, 7, rawOTLP(447, "b"))
	assert.Equal(t, "new", readN(t, l, 1)[0].Process)
}

// So may one that is there for the first time.
func TestProcessesWhenCPUComes(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Processes: true})
	sys.clock = ms(200)
	sys.records[0].write(forkRecord(7, 1, ms(101)))
	sys.records[0].write(commRecord(7, 7, "old", ms(102)))
	sys.writeAt(ms(103), 0, 7, rawOTLP(447, "a"))
	require.Equal(t, "old", readN(t, l, 1)[0].Process)
	sys.bringOnline(1)
	sys.pass(time.Second)
	l.beginBatch()
	require.Contains(t, sys.records, 1)
	sys.write(0, 7, rawOTLP(447, "b"))
	assert.Empty(t, readN(t, l, 1)[0].Process)
}

func TestWithoutProcessRings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(*fakeSystem)
		err     bool
		size    int // of the ring
	}{
		{"all allowed", func(*fakeSystem) {}, false, maxProcessRing},
		{"locked memory is short", func(f *fakeSystem) { f.maxProcessRing = 64 << 10 }, false, 64 << 10},
		{"there is none", func(f *fakeSystem) { f.maxProcessRing = 1 }, true, 0},
		{"not allowed on the first CPU", func(f *fakeSystem) {
			f.fail = map[string]error{"process ring 0": errors.New("boom")}
		}, true, 0},
		{"not allowed on the last CPU", func(f *fakeSystem) {
			f.fail = map[string]error{"process ring 1": errors.New("boom")}
		}, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys := newFakeSystem(0, 1)
			tt.prepare(sys)
			sys.names[7], sys.starts[7] = "shop", 0
			l := sys.listenTo(t, Options{Processes: true})
			sys.write(0, 7, rawOTLP(447, "x"))
			assert.Equal(t, "shop", readN(t, l, 1)[0].Process, "by /proc")
			assert.Equal(t, tt.err, l.Info().ProcessErr != nil)
			assert.Equal(t, !tt.err, l.rings.following())
			if tt.size > 0 {
				assert.Len(t, sys.records[0].area, tt.size)
				assert.Empty(t, l.Info().Findings())
				return
			}
			findings := l.Info().Findings()
			require.Len(t, findings, 1)
			assert.Equal(t, FindingWarning, findings[0].Severity)
			assert.Contains(t, findings[0].String(), "processes that end soon")
			// What /proc said of a pid is not believed for ever.
			sys.pass(time.Second)
			delete(sys.names, 7)
			l.beginBatch()
			sys.pass(time.Minute)
			sys.write(0, 7, rawOTLP(447, "y"))
			assert.Empty(t, readN(t, l, 1)[0].Process)
		})
	}
	sys := newFakeSystem(0)
	sys.listenTo(t, Options{})
	assert.Empty(t, sys.records, "nobody asked for them")
}

func TestProcessRingsAreNotWaitedFor(t *testing.T) {
	sys := newFakeSystem(0, 1)
	sys.listenTo(t, Options{ProcessNames: []string{"shop"}})
	assert.Len(t, sys.records, 2)
	assert.Len(t, sys.waiters[0].fds, 2, "only the rings of events wake the reader")
}

func TestProcessRingSize(t *testing.T) {
	for cpus, want := range map[int]int{1: 256 << 10, 64: 256 << 10, 65: 128 << 10, 1024: 16 << 10, 8192: 16 << 10} {
		assert.Equal(t, want, processRingSize(cpus), "%d CPUs", cpus)
	}
}

func TestFollowedProcessesAreBounded(t *testing.T) {
	p := followedProcesses{sys: newFakeSystem(0)}
	for pid := 1; pid <= 3*maxEnded; pid++ {
		p.apply(processRecord{kind: perfrecord.Fork, pid: pid, parent: pid - 1, byFirst: true})
		p.apply(processRecord{kind: perfrecord.Exit, pid: pid})
		require.LessOrEqual(t, len(p.known), maxEnded+1)
	}
	for pid := 1; pid <= 2*maxFollowed; pid++ {
		p.apply(processRecord{kind: perfrecord.Fork, pid: pid})
	}
	assert.LessOrEqual(t, len(p.known), maxFollowed)
	assert.LessOrEqual(t, len(p.ended), maxEnded)
}

// Events go on in all this, and whatever is in the ring of records harms nobody.
func FuzzProcessRecords(f *testing.F) {
	f.Add(forkRecord(7, 1, 5))
	f.Add(commRecord(7, 7, "shop", 6))
	f.Add(exitRecord(7, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		sys := newFakeSystem(0)
		o, err := Options{Processes: true}.withDefaults()
		require.NoError(t, err)
		l, err := open(sys, o)
		require.NoError(t, err)
		defer l.Close()
		sys.records[0].put(b[:len(b)&^7])
		sys.write(0, 7, rawOTLP(447, "x"))
		var ev Event
		require.NoError(t, l.Read(context.Background(), &ev))
		require.LessOrEqual(t, len(ev.Process), 15)
		c := l.Stats().Total()
		require.Equal(t, c.Written, c.Received+c.Lost)
	})
}
