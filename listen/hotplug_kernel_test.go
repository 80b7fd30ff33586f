// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package listen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

var _ = addHelper("unable", helpUnableToCover)

// setOnline takes a CPU offline or online.
func setOnline(cpu int, online bool) error {
	state := "0"
	if online {
		state = "1"
	}
	return os.WriteFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", cpu), []byte(state), 0)
}

// switchCPU does so for a test, after which the CPU is online.
func switchCPU(t *testing.T, cpu int, online bool) {
	t.Helper()
	require.NoError(t, setOnline(cpu, online))
	t.Cleanup(func() { require.NoError(t, setOnline(cpu, true)) })
}

// A CPU goes and comes back, and a writer that is pinned to it goes on: its
// events arrive again, and each gap is reported. Nothing is left of the rings that
// died.
func TestKernelCPUOfflineAndOnline(t *testing.T) {
	var gaps []Gap
	l := listenIn(t, Options{OnGap: func(g Gap) { gaps = append(gaps, g) }})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	on1 := func(s string) { require.NoError(t, runOn(1, func() error { return p.otlp(s) })) }
	on1("at first")
	assert.Equal(t, "at first", string(next(t, l).Payload))
	open, rings := descriptors(t), mappings(t)

	for round := range 5 {
		on1(fmt.Sprint("before ", round))
		switchCPU(t, 1, false)
		if round%2 == 0 { // or it comes back before a scan
			readUntil(t, l, func() bool { return !slices.Contains(l.Info().CPUs, 1) })
			assert.Zero(t, l.Stats().CPUs[1].RingSize)
		}
		switchCPU(t, 1, true)
		back := time.Now()
		readUntil(t, l, func() bool { return len(gaps) > round })
		t.Logf("round %d: seen after %v, gap %v", round, time.Since(back), gaps[round].To.Sub(gaps[round].From))
		assert.Equal(t, 1, gaps[round].CPU)
		assert.True(t, gaps[round].From.Before(gaps[round].To))
		on1(fmt.Sprint("after ", round))
		assert.Equal(t, fmt.Sprint("after ", round), string(next(t, l).Payload))
	}
	assert.Equal(t, len(open), len(descriptors(t)), "%v", descriptors(t))
	assert.Equal(t, rings, mappings(t))
	c := l.Stats().CPUs[1]
	assert.Equal(t, uint64(5), c.Gaps)
	assert.Equal(t, uint64(11), c.Written)
	assert.Equal(t, uint64(11), c.Received)
	assert.NoError(t, c.Err)
	assert.Zero(t, l.Stats().CPUs[0].Gaps)
}

// A CPU that was offline when the listener came; with more than two CPUs, there
// is a hole in their numbers.
func TestKernelCPUComesLater(t *testing.T) {
	switchCPU(t, 1, false)
	online, err := linux{}.onlineCPUs()
	require.NoError(t, err)
	require.NotContains(t, online, 1)
	var gaps []Gap
	l := listenIn(t, Options{OnGap: func(g Gap) { gaps = append(gaps, g) }})
	assert.Equal(t, online, l.Info().CPUs)
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	for _, cpu := range online {
		require.NoError(t, runOn(cpu, func() error { return p.otlp(fmt.Sprint(cpu)) }))
		ev := next(t, l)
		assert.Equal(t, cpu, ev.CPU)
		assert.Equal(t, fmt.Sprint(cpu), string(ev.Payload))
	}
	came := time.Now()
	switchCPU(t, 1, true)
	readUntil(t, l, func() bool { return len(gaps) > 0 })
	assert.Equal(t, 1, gaps[0].CPU)
	assert.True(t, gaps[0].To.After(came))
	assert.Equal(t, len(online)+1, len(l.Info().CPUs))
	assert.Equal(t, 1, l.Info().CPUs[1])
	require.NoError(t, runOn(1, func() error { return p.otlp("on 1") }))
	ev := next(t, l)
	assert.Equal(t, 1, ev.CPU)
	assert.Equal(t, "on 1", string(ev.Payload))
}

// monotonicClock makes the wall time of events and gaps that of CLOCK_MONOTONIC.
func monotonicClock() (int64, time.Time) {
	mono := linux{}.monotonic()
	return mono, time.Unix(0, mono)
}

// write is one that succeeded.
type write struct {
	payload    string
	begin, end int64 // monotonic
}

// pinnedWriter writes numbered events on one CPU whenever it is there, until
// stop is closed.
func pinnedWriter(p *producer, cpu int, stop <-chan struct{}) (writes []write, err error) {
	err = runOn(0, func() error {
		var set unix.CPUSet
		set.Set(cpu)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return nil
			case <-time.After(time.Millisecond):
			}
			// A thread whose CPU goes is moved to another one.
			if err := unix.SchedSetaffinity(0, &set); errors.Is(err, unix.EINVAL) {
				continue
			} else if err != nil {
				return err
			}
			w := write{payload: fmt.Sprintf("%d on %d", i, cpu), begin: linux{}.monotonic()}
			if err := p.otlp(w.payload); err != nil {
				return err
			}
			w.end = linux{}.monotonic()
			writes = append(writes, w)
		}
	})
	return writes, err
}

// While a CPU goes and comes, writers on all CPUs go on and a reader reads.
// Each event that does not arrive was written in a gap that was reported, and each
// that does arrives once, in its writer's order.
func TestKernelNothingIsLostButInGaps(t *testing.T) {
	var gaps []Gap
	l := listenIn(t, Options{Clock: monotonicClock, OnGap: func(g Gap) { gaps = append(gaps, g) }})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	stop, written := make(chan struct{}), make([][]write, 2)
	var writers, switcher sync.WaitGroup
	for cpu := range written {
		writers.Add(1)
		go func() {
			defer writers.Done()
			var err error
			written[cpu], err = pinnedWriter(p, cpu, stop)
			assert.NoError(t, err)
		}()
	}
	const rounds = 6
	switcher.Add(1)
	t.Cleanup(func() { require.NoError(t, setOnline(1, true)) })
	go func() {
		defer switcher.Done()
		for round := range rounds {
			time.Sleep(100 * time.Millisecond)
			assert.NoError(t, setOnline(1, false))
			time.Sleep(time.Duration(round%2) * 50 * time.Millisecond)
			assert.NoError(t, setOnline(1, true))
			time.Sleep(300 * time.Millisecond)
		}
	}()
	switched, done := make(chan struct{}), make(chan struct{})
	go func() {
		switcher.Wait()
		close(switched)
		<-stop
		writers.Wait()
		close(done)
	}()
	events := readUntil(t, l, func() bool { return isClosed(switched) })
	back := linux{}.monotonic()
	for deadline := time.Now().Add(waitLimit); ; {
		ev := next(t, l)
		events = append(events, ev)
		if ev.CPU == 1 && ev.Monotonic > back {
			break
		}
		require.True(t, time.Now().Before(deadline), "no event of CPU 1 any more: %+v", l.Stats())
	}
	close(stop)
	events = append(events, readUntil(t, l, func() bool { return isClosed(done) && isDrained(l) })...)

	stats := l.Stats()
	for _, c := range stats.CPUs {
		t.Logf("CPU %d: written %d received %d lost %d gaps %d, %v", c.CPU, c.Written, c.Received, c.Lost, c.Gaps,
			c.GapTime)
		assert.Equal(t, c.Written, c.Received+c.Lost)
	}
	require.Zero(t, stats.Total().Lost)
	// On a machine that is slow enough, two times away are one gap.
	assert.Equal(t, uint64(len(gaps)), stats.CPUs[1].Gaps)
	assert.NotEmpty(t, gaps)
	assert.LessOrEqual(t, len(gaps), rounds)
	assert.Zero(t, stats.CPUs[0].Gaps)
	arrived := map[string]int{}
	for i, ev := range events {
		arrived[string(ev.Payload)] = i + 1
	}
	assert.Len(t, arrived, len(events), "none came twice")
	missing := 0
	for _, writes := range written {
		last := 0
		for _, w := range writes {
			at := arrived[w.payload]
			if at == 0 {
				missing++
				assert.True(t, slices.ContainsFunc(gaps, func(g Gap) bool {
					return g.CPU == 1 && g.From.UnixNano() <= w.end && w.begin <= g.To.UnixNano()
				}), "%q was written from %d to %d, in no gap of %v", w.payload, w.begin, w.end, gaps)
				continue
			}
			assert.Greater(t, at, last)
			last = at
		}
	}
	t.Logf("%d and %d written, %d arrived, %d in gaps", len(written[0]), len(written[1]), len(events), missing)
	final := written[1][len(written[1])-1]
	assert.NotZero(t, arrived[final.payload], "what is written on the CPU at last arrives")
	var sum time.Duration
	for _, g := range gaps {
		sum += g.To.Sub(g.From)
	}
	assert.Equal(t, sum, stats.Total().GapTime)
}

// Rings overrun on purpose, which two tracepoints share, before and after the
// CPU went: the books balance to the event, and what each gap in the stream is
// said to have had adds up.
func TestKernelOverrunAcrossOfflineAndOnline(t *testing.T) {
	a, b := tracepointOf(t)+"_a", tracepointOf(t)+"_b"
	l := listenIn(t, Options{Names: []string{a, b}, RingSize: 32 << 10})
	pa, pb := produce(t, a, tracefs.FieldsOTLP), produce(t, b, tracefs.FieldsOTLP)
	payload := strings.Repeat("x", 900)
	var recorded, received uint64
	count := func(ev *Event) {
		recorded += ev.LostBefore
		received++
	}
	const rounds, each = 4, 150
	for round := range rounds {
		for cpu := range 2 {
			require.NoError(t, runOn(cpu, func() error {
				for range each {
					if err := errors.Join(pa.otlp(payload), pb.otlp(payload)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		// The full ring dies, is read, and replaced.
		switchCPU(t, 1, false)
		switchCPU(t, 1, true)
		isBack := func() bool { return l.Stats().CPUs[1].Gaps == uint64(round+1) && l.Stats().CPUs[1].RingSize > 0 }
		for _, ev := range readUntil(t, l, isBack) {
			count(&ev)
		}
		drain(t, l, count)
		for cpu, c := range l.Stats().CPUs[:2] {
			require.Equal(t, uint64(2*each*(round+1)), c.Written, "CPU %d", cpu)
			require.Equal(t, c.Written, c.Received+c.Lost)
			require.Greater(t, c.Lost, uint64(each*(round+1)))
		}
	}
	assert.Equal(t, l.Stats().Total().Received, received)
	// The losses at the end of each ring are recorded before the next event.
	for cpu := range 2 {
		require.NoError(t, runOn(cpu, func() error { return pa.otlp(payload) }))
	}
	drain(t, l, count)
	assert.Equal(t, l.Stats().Total().Lost, recorded)
}

// Close comes at any moment of a CPU's going and coming: it ends the Read, and
// leaves nothing.
func TestKernelCloseWhileCPUsGo(t *testing.T) {
	warm := listenIn(t, Options{})
	require.NoError(t, warm.Close())
	before := descriptors(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	halt := sync.OnceFunc(func() {
		close(stop)
		<-stopped
		assert.NoError(t, setOnline(1, true))
	})
	defer halt()
	go func() {
		defer close(stopped)
		for on := false; ; on = !on {
			select {
			case <-stop:
				return
			default:
				assert.NoError(t, setOnline(1, on))
			}
		}
	}()
	rnd := rand.New(rand.NewPCG(13, 14))
	gaps := 0
	for range 15 {
		l, err := Open(Options{Names: []string{tracepointOf(t)}, OnGap: func(Gap) { gaps++ }})
		require.NoError(t, err)
		p, err := newProducer(tracepointOf(t), tracefs.FieldsOTLP)
		require.NoError(t, err)
		done := make(chan error)
		go func() {
			var ev Event
			for {
				if err := l.Read(context.Background(), &ev); err != nil {
					done <- err
					return
				}
			}
		}()
		for range rnd.IntN(20) {
			require.NoError(t, p.otlp("x"))
			time.Sleep(time.Duration(rnd.IntN(10)) * time.Millisecond)
			assert.LessOrEqual(t, l.Stats().Total().Received, l.Stats().Total().Written)
		}
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-done, ErrClosed)
		p.leave()
		assert.Zero(t, mappings(t))
	}
	halt()
	t.Logf("%d gaps", gaps)
	assert.NotZero(t, gaps, "CPUs came while it listened")
	assert.Equal(t, before, descriptors(t))
}

// helpUnableToCover loses the right to open perf events while a CPU is away.
func helpUnableToCover() error {
	var gaps []Gap
	l, err := Open(Options{
		Names: []string{os.Getenv(tracepointVariable)}, MaxDelay: minMaxDelay,
		OnGap: func(g Gap) { gaps = append(gaps, g) },
	})
	if err != nil {
		return err
	}
	defer l.Close()
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var all, none [2]unix.CapUserData
	if err := unix.Capget(header, &all[0]); err != nil {
		return err
	}
	none = all
	none[0].Effective, none[1].Effective = 0, 0
	until := func(cond func() bool) error {
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		var ev Event
		for !cond() {
			limited, stop := context.WithTimeout(ctx, 10*time.Millisecond)
			err := l.Read(limited, &ev)
			stop()
			if ctx.Err() != nil {
				return err
			}
		}
		return nil
	}
	failing := func() bool { return l.Stats().CPUs[1].Err != nil }
	if err := errors.Join(setOnline(1, false), unix.Capset(header, &none[0]), setOnline(1, true),
		until(failing)); err != nil {
		return err
	}
	c := l.Stats().CPUs[1]
	fmt.Printf("gaps %d reported %d ring %d: %v\n", c.Gaps, len(gaps), c.RingSize, c.Err)
	reported := func() bool { return len(gaps) > 0 }
	if err := errors.Join(unix.Capset(header, &all[0]), until(reported)); err != nil {
		return err
	}
	c = l.Stats().CPUs[1]
	fmt.Printf("gaps %d reported %d ring %d: %v\n", c.Gaps, len(gaps), c.RingSize, c.Err)
	return nil
}

// A CPU that comes back when the listener may not open perf events any more: it
// says so, goes on, and heals.
func TestKernelCPUWithoutRing(t *testing.T) {
	t.Cleanup(func() { require.NoError(t, setOnline(1, true)) })
	out, _, err := runHelper(t, "unable", nil, tracepointVariable+"="+tracepointOf(t))
	require.NoError(t, err, out)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2, out)
	assert.Contains(t, lines[0], "gaps 1 reported 0 ring 0: ")
	assert.Contains(t, lines[0], "CAP_PERFMON")
	assert.Equal(t, "gaps 1 reported 1 ring 4194304: <nil>", lines[1])
}
