// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// hotplug is a fake machine with a listener whose gaps are kept.
type hotplug struct {
	*fakeSystem
	t    *testing.T
	l    *Listener
	gaps []Gap
}

func newHotplug(t *testing.T, o Options, cpus ...int) *hotplug {
	h := &hotplug{fakeSystem: newFakeSystem(cpus...), t: t}
	o.OnGap = func(g Gap) { h.gaps = append(h.gaps, g) }
	o.Clock = func() (int64, time.Time) { mono := h.monotonic(); return mono, time.Unix(0, mono) }
	h.l = h.listenTo(t, o)
	return h
}

// scan lets a second pass, and scans.
func (h *hotplug) scan() { h.scanAfter(time.Second) }

func (h *hotplug) scanAfter(d time.Duration) {
	before := h.l.Info()
	h.pass(d)
	h.l.beginBatch()
	if !h.l.findingsDue {
		assert.Equal(h.t, before, h.l.Info(), "no findings are due, so nothing changed")
	}
	h.l.report()
}

func (h *hotplug) stats(cpu int) CPUStats {
	for _, c := range h.l.Stats().CPUs {
		if c.CPU == cpu {
			return c
		}
	}
	return CPUStats{CPU: -1}
}

func (h *hotplug) otlp(cpu int, payload string) { h.write(cpu, 7, rawOTLP(447, payload)) }

func TestCPUComes(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 2)
	h.scan()
	before := h.clock
	h.bringOnline(9)
	assert.Equal(t, []int{0, 2}, h.l.Info().CPUs)
	h.scan()
	assert.Equal(t, []int{0, 2, 9}, h.l.Info().CPUs)
	require.Len(t, h.gaps, 1)
	g := h.gaps[0]
	assert.Equal(t, 9, g.CPU)
	assert.Equal(t, "CPU 9 had no ring", g.Reason())
	assert.LessOrEqual(t, g.From.UnixNano(), before, "at the scan before it was not there")
	assert.WithinRange(t, g.To, g.From.Add(time.Second), g.From.Add(time.Second+time.Microsecond))
	c := h.stats(9)
	assert.Equal(t, uint64(1), c.Gaps)
	assert.Equal(t, g.To.Sub(g.From), c.GapTime)
	assert.False(t, c.Since.IsZero())
	assert.Zero(t, h.stats(0).Gaps)

	h.otlp(9, "on 9")
	ev := readN(t, h.l, 1)[0]
	assert.Equal(t, 9, ev.CPU)
	assert.Contains(t, h.waiters[0].fds, 109)
}

// Where the kernel says when a CPU comes or goes, CPUs are not polled for each second: that interrupts each of them.
func TestCPUsAreFollowed(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	h.waiters[0].follows = true
	scansIn := func(seconds int) int {
		before := h.scans
		for range seconds {
			h.scan()
		}
		return h.scans - before
	}
	scansIn(2)
	assert.Equal(t, 2, scansIn(60), "it may have said nothing")

	h.offline(1)
	h.waiters[0].changed.Store(true)
	h.scan()
	assert.Equal(t, []int{0}, h.l.Info().CPUs)
	assert.Equal(t, 3, scansIn(3), "while a CPU has no ring")
	h.bringOnline(1)
	h.waiters[0].changed.Store(true)
	h.scan()
	assert.Equal(t, []int{0, 1}, h.l.Info().CPUs)

	scansIn(2)
	assert.Zero(t, scansIn(5))
	h.slept.Add(int64(time.Hour))
	assert.Equal(t, 1, scansIn(1), "after a suspend")
}

// A CPU that is away for long: what counts as a gap is only the time for which
// it was back without a ring.
func TestCPUGoesAndComesBack(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	h.otlp(1, "before")
	h.scan()
	first := h.rings[1]
	opened := h.open
	h.offline(1)
	h.scan()
	assert.Equal(t, []int{0}, h.l.Info().CPUs)
	c := h.stats(1)
	assert.Zero(t, c.RingSize)
	assert.Equal(t, uint64(1), c.Written, "numbers are kept")
	assert.NoError(t, c.Err)
	h.scan()
	lastSeen := h.clock
	assert.Equal(t, []string{"before"}, payloads(readN(t, h.l, 1)), "what was in the ring is not lost")
	h.scan()
	assert.Empty(t, h.gaps)

	h.bringOnline(1)
	h.otlp(1, "in the gap")
	h.scan()
	require.Len(t, h.gaps, 1)
	assert.GreaterOrEqual(t, h.gaps[0].From.UnixNano(), lastSeen)
	assert.Less(t, h.gaps[0].To.Sub(h.gaps[0].From), 1100*time.Millisecond)
	assert.NotSame(t, first, h.rings[1])
	assert.Equal(t, opened, h.open, "the old ring is closed")
	h.otlp(1, "after")
	assert.Equal(t, []string{"after"}, payloads(readN(t, h.l, 1)))
	c = h.stats(1)
	assert.Equal(t, uint64(2), c.Written, "over both rings")
	assert.Equal(t, uint64(2), c.Received)
	assert.Equal(t, uint64(1), c.Gaps)
}

// A CPU that went and came back between two scans is in the list each time.
func TestCPUThatWasAwayBetweenTwoScans(t *testing.T) {
	for _, away := range []time.Duration{10 * time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond} {
		t.Run(away.String(), func(t *testing.T) {
			h := newHotplug(t, Options{}, 0, 1)
			h.scan()
			h.scan()
			h.pass(999*time.Millisecond - away)
			h.offline(1)
			died := h.clock
			h.bringOnline(1)
			h.scanAfter(away)
			for range 2 { // the first may leave a doubt, and is soon repeated
				due := min(h.l.rings.due-h.clock, int64(time.Second))
				h.scanAfter(time.Duration(due))
			}
			require.Len(t, h.gaps, 1)
			assert.InDelta(t, died, h.gaps[0].From.UnixNano(), 20, "when its ring's time stood still")
			assert.LessOrEqual(t, h.gaps[0].From.UnixNano(), died)
			assert.Less(t, h.gaps[0].To.Sub(h.gaps[0].From), 1100*time.Millisecond, "it took one scan, and a short one")
			h.otlp(1, "again")
			assert.Equal(t, []string{"again"}, payloads(readN(t, h.l, 1)))
		})
	}
}

// Scans that are close together prove nothing, and no ring is given up for a
// clock that is coarse.
func TestLiveRingsAreKept(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	rings := []*fakeRing{h.rings[0], h.rings[1]}
	for i := range 1000 {
		h.waiters[0].changed.Store(i%3 == 0)
		h.scanAfter(time.Duration(i%70) * time.Millisecond)
	}
	assert.Same(t, rings[0], h.rings[0])
	assert.Same(t, rings[1], h.rings[1])
	assert.Empty(t, h.gaps)
}

func TestRingThatCannotSay(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	first := h.rings[0]
	first.broken = true
	h.scan()
	assert.NotSame(t, first, h.rings[0])
	assert.Len(t, h.gaps, 1)
}

// When the kernel says that a CPU changed, it is found at once, and once
// more soon, to be certain.
func TestCPUIsFoundAtOnce(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	h.scan()
	h.offline(1)
	h.bringOnline(1)
	h.scanAfter(time.Millisecond)
	assert.Empty(t, h.gaps, "no uevent")
	h.waiters[0].changed.Store(true)
	h.scanAfter(time.Millisecond)
	h.scanAfter(time.Duration(confirmAfter))
	require.Len(t, h.gaps, 1)
	assert.Less(t, h.gaps[0].To.Sub(h.gaps[0].From), 60*time.Millisecond)
}

// The gap is reported after what was written before it, and ahead of what was
// written after it.
func TestGapIsReportedInOrder(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	var order []string
	h.l.opts.OnGap = func(Gap) {
		order = append(order, "gap")
		// What a callback may want to know.
		assert.Equal(t, uint64(1), h.l.Stats().Total().Gaps)
		assert.Len(t, h.l.Info().CPUs, 2)
	}
	h.otlp(1, "before 1")
	h.otlp(1, "before 2")
	h.offline(1)
	h.bringOnline(1)
	h.rings[1].broken = true
	h.pass(time.Second)
	h.l.scan(h.monotonic())
	h.otlp(1, "after")
	for range 3 {
		order = append(order, string(readN(t, h.l, 1)[0].Payload))
	}
	assert.Equal(t, []string{"before 1", "before 2", "gap", "after"}, order)
}

// Written == Received + Lost over the rings that a CPU had, full ones too, and
// the losses at the end of a dead ring are recorded before the next event.
func TestBooksOverSuccessiveRings(t *testing.T) {
	h := newHotplug(t, Options{RingSize: 32 << 10}, 0, 1)
	open := h.open
	received, recorded := 0, uint64(0)
	var ev Event
	for round := range 20 {
		for range 10 + round*3 {
			h.otlp(1, string(make([]byte, 3000)))
		}
		h.offline(1)
		if round%2 == 0 {
			h.scan()
		}
		h.bringOnline(1)
		for h.rings[1].died != 0 {
			h.scan()
			for len(h.l.merge.heap) > 0 {
				require.NoError(t, h.l.Read(context.Background(), &ev))
				received++
				recorded += ev.LostBefore
			}
		}
	}
	h.otlp(1, "last")
	for string(ev.Payload) != "last" {
		require.NoError(t, h.l.Read(context.Background(), &ev))
		received++
		recorded += ev.LostBefore
	}
	c := h.stats(1)
	assert.Equal(t, c.Written, c.Received+c.Lost)
	assert.Equal(t, uint64(received), c.Received)
	assert.Greater(t, c.Lost, uint64(100))
	assert.Equal(t, c.Lost, recorded)
	assert.Equal(t, uint64(20), c.Gaps)
	assert.Len(t, h.gaps, 20)
	assert.Equal(t, open, h.open)
}

func TestRingThatCannotBeMadeAgain(t *testing.T) {
	for _, step := range []string{"ring 1", "attach 1", "add"} {
		t.Run(step, func(t *testing.T) {
			h := newHotplug(t, Options{}, 0, 1)
			open := h.open
			boom := errors.New("boom")
			h.offline(1)
			h.scan()
			h.bringOnline(1)
			h.fail = map[string]error{step: boom}
			h.scan()
			c := h.stats(1)
			require.ErrorIs(t, c.Err, boom)
			require.ErrorIs(t, h.l.Stats().Total().Err, boom)
			assert.Equal(t, uint64(1), c.Gaps, "it goes on")
			assert.Greater(t, c.GapTime, 900*time.Millisecond)
			assert.Equal(t, []int{0}, h.l.Info().CPUs)
			h.scan()
			assert.Greater(t, h.stats(1).GapTime, 1900*time.Millisecond)
			h.otlp(0, "the others go on")
			assert.Equal(t, []string{"the others go on"}, payloads(readN(t, h.l, 1)))
			assert.Empty(t, h.gaps)

			h.fail = nil
			h.scan()
			c = h.stats(1)
			require.NoError(t, c.Err)
			require.NoError(t, h.l.Stats().Total().Err)
			assert.Equal(t, uint64(1), c.Gaps)
			require.Len(t, h.gaps, 1)
			assert.Equal(t, c.GapTime, h.gaps[0].To.Sub(h.gaps[0].From))
			assert.Equal(t, open, h.open)
		})
	}
	t.Run("until its CPU goes again", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0, 1)
		h.offline(1)
		h.scan()
		h.bringOnline(1)
		h.fail = map[string]error{"ring 1": errors.New("boom")}
		h.scan()
		h.offline(1)
		h.scan()
		require.Len(t, h.gaps, 1, "it ended")
		assert.NoError(t, h.stats(1).Err)
		assert.Equal(t, uint64(1), h.stats(1).Gaps)
		time := h.stats(1).GapTime
		h.scan()
		assert.Equal(t, time, h.stats(1).GapTime)
	})
	t.Run("since the CPU went again", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0)
		h.bringOnline(1)
		h.fail = map[string]error{"ring 1": tracefs.Explain(tracefs.OpPerfOpen, "", syscall.ENODEV)}
		h.scan()
		assert.ErrorIs(t, h.stats(1).Err, syscall.ENODEV)
		assert.LessOrEqual(t, h.l.rings.due-h.clock, confirmAfter, "scanned again soon")
		h.offline(1)
		h.scanAfter(time.Duration(confirmAfter))
		assert.NoError(t, h.stats(1).Err)
		require.Len(t, h.gaps, 1, "it was online without a ring")
		h.scan()
		assert.Len(t, h.gaps, 1)
	})
}

func TestSmallerRingForACPUThatCame(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	h.maxRing = 600 << 10
	h.bringOnline(1)
	h.scan()
	assert.Equal(t, 512<<10, h.stats(1).RingSize)
	assert.Equal(t, 4<<20, h.stats(0).RingSize)

	h = newHotplug(t, Options{RingSize: 1 << 20}, 0)
	h.maxRing = 600 << 10
	h.bringOnline(1)
	h.scan()
	require.ErrorIs(t, h.stats(1).Err, syscall.EPERM)
	assert.ErrorContains(t, h.stats(1).Err, "LimitMEMLOCK")
}

// The memory of a dead ring is locked until it has been read: the next one
// waits for it rather than being small.
func TestRingWaitsForTheMemoryOfTheDeadOne(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	h.otlp(1, "in the dead ring")
	h.offline(1)
	h.bringOnline(1)
	h.rings[1].broken = true
	h.maxRing = 1 << 20 // while that one is there
	h.scan()
	require.Error(t, h.stats(1).Err)
	assert.Equal(t, []string{"in the dead ring"}, payloads(readN(t, h.l, 1)))
	h.maxRing = 0
	h.scanAfter(time.Duration(confirmAfter))
	require.NoError(t, h.stats(1).Err)
	assert.Equal(t, 4<<20, h.stats(1).RingSize)
}

func TestCPUListThatCannotBeRead(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	boom := errors.New("boom")
	h.fail = map[string]error{"online": boom}
	h.scan()
	require.ErrorIs(t, h.l.Info().Err, boom)
	assert.Equal(t, []int{0, 1}, h.l.Info().CPUs, "those that are known are kept")
	h.offline(1)
	h.bringOnline(1)
	h.scan()
	h.scan()
	assert.Len(t, h.gaps, 1, "and their rings made again")
	h.fail = nil
	h.scan()
	require.NoError(t, h.l.Info().Err)
}

// A reader that never waits scans all the same.
func TestBusyReaderScans(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	for range 3 * readsPerScan {
		h.otlp(0, "x")
	}
	readN(t, h.l, 1)
	h.bringOnline(1)
	h.pass(time.Second)
	readN(t, h.l, readsPerScan)
	assert.NotEmpty(t, h.l.merge.heap, "within one batch")
	assert.Equal(t, []int{0, 1}, h.l.Info().CPUs)
	readN(t, h.l, readsPerScan)
	assert.Len(t, h.gaps, 0, "the gap is reported with the next batch")
	readN(t, h.l, readsPerScan-1)
	h.l.beginBatch()
	h.l.report()
	assert.Len(t, h.gaps, 1)
}

// However long an event may lie, a scan is never late.
func TestWaitIsNoLongerThanTheNextScan(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{MaxDelay: time.Minute})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Read(ctx, &Event{}) }()
	until(t, func() bool { return sys.waiters[0].waits.Load() > 0 })
	cancel()
	<-done
	timeout := time.Duration(sys.waiters[0].last.Load())
	assert.LessOrEqual(t, timeout, time.Second)
	assert.Greater(t, timeout, time.Duration(0))
}

// An idle listener wakes up once a second, not once for CPUs and once for
// tracepoints.
func TestScansAreTogether(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	h.l.targets.due += int64(300 * time.Millisecond)
	for range 5 {
		h.scanAfter(time.Duration(min(h.l.rings.due, h.l.targets.due) - h.clock))
		assert.Equal(t, h.l.rings.due, h.l.targets.due)
	}
}

// A failure that lasts makes no busy loop: the next scan is later than now.
func TestFailingScansAreNotHurried(t *testing.T) {
	h := newHotplug(t, Options{}, 0, 1)
	h.otlp(1, "in the dead ring")
	h.rings[1].broken = true
	h.maxRing = 1 << 20
	h.fail = map[string]error{"online": errors.New("boom")}
	for range 20 {
		h.scan()
		assert.Greater(t, h.l.rings.due, h.clock-int64(time.Millisecond)+confirmAfter)
	}
}
