// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func TestOpenMakesRingsBeforeItAttaches(t *testing.T) {
	sys := newFakeSystem(0, 2)
	l := sys.listenTo(t, Options{Names: []string{"a", "b"}})
	assert.Equal(t, []string{
		"waiter", "online", "tracefs", "ring 0", "add", "ring 2", "add",
		"register", "format", "attach 0", "attach 447 to 0", "attach 2", "attach 447 to 2",
		"register", "format", "attach 0", "attach 448 to 0", "attach 2", "attach 448 to 2",
	}, sys.steps)
	assert.Equal(t, []int{100, 102}, sys.waiters[0].fds)
	assert.Equal(t, Info{
		Tracepoints: []TracepointInfo{
			{Name: "a", Event: "user_events/a", ID: 447, Registered: true, Attached: true},
			{Name: "b", Event: "user_events/b", ID: 448, Registered: true, Attached: true},
		},
		MaxFormats: 16, MaxEvents: 256, CPUs: []int{0, 2}, RingSize: 4 << 20, WantedRingSize: 4 << 20,
	}, l.Info())
}

// Whatever fails in Open, everything that was opened before is closed again.
func TestOpenFails(t *testing.T) {
	boom := errors.New("boom")
	for _, step := range []string{
		"waiter", "online", "ring 0", "ring 1", "add", "register", "format", "attach 0", "attach 1",
	} {
		t.Run(step, func(t *testing.T) {
			sys := newFakeSystem(0, 1)
			sys.fail = map[string]error{step: boom}
			o, err := Options{}.withDefaults()
			require.NoError(t, err)
			l, err := open(sys, o)
			require.ErrorIs(t, err, boom)
			assert.Nil(t, l)
			assert.Zero(t, sys.open, "%v", sys.steps)
		})
	}
}

func TestOpenWithoutRights(t *testing.T) {
	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	denied := tracefs.Explain(tracefs.OpOpen, "/t/user_events_data", syscall.EACCES)

	t.Run("no tracefs", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.loc = tracefs.Location{}
		sys.fail = map[string]error{"tracefs": denied}
		_, err := open(sys, o)
		require.ErrorIs(t, err, syscall.EACCES)
		assert.Zero(t, sys.open)
	})
	t.Run("only the file is visible", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.loc.Dir = ""
		_, err := open(sys, o)
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorContains(t, err, "only /t/user_events_data is here")
		assert.Zero(t, sys.open)
	})
	t.Run("may not register, nobody else did", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.fail = map[string]error{"tracefs": denied}
		_, err := open(sys, o)
		require.ErrorIs(t, err, syscall.EACCES)
		assert.ErrorContains(t, err, "otlp_metrics does not exist and cannot be registered")
		assert.Zero(t, sys.open)
	})
	t.Run("may not register, but a producer did", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.fail = map[string]error{"tracefs": denied}
		sys.formats["user_events/otlp_metrics"] = layouttest.ParsedOTLP("otlp_metrics", 500)
		l := sys.listenTo(t, Options{})
		assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 500,
			Attached: true}, l.Info().Tracepoints[0])
	})
	t.Run("may not use perf", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.fail = map[string]error{"ring 0": tracefs.Explain(tracefs.OpPerfOpen, "on CPU 0", syscall.EACCES)}
		_, err := open(sys, o)
		require.ErrorIs(t, err, fs.ErrPermission)
		assert.ErrorContains(t, err, "CAP_PERFMON")
		assert.Zero(t, sys.open)
	})
}

func TestRingsShrinkToWhatMayBeLocked(t *testing.T) {
	sys := newFakeSystem(0, 1)
	sys.maxRing = 600 << 10
	l := sys.listenTo(t, Options{})
	info := l.Info()
	assert.Equal(t, 512<<10, info.RingSize)
	assert.Equal(t, 4<<20, info.WantedRingSize)
	assert.Equal(t, 512<<10, l.Stats().CPUs[1].RingSize)

	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	sys = newFakeSystem(0, 1)
	sys.maxRing = 16 << 10
	_, err = open(sys, o)
	require.ErrorIs(t, err, syscall.EPERM, "not even the smallest")
	assert.ErrorContains(t, err, "LimitMEMLOCK")
	assert.Zero(t, sys.open)

	o.RingSize = 1 << 20
	sys = newFakeSystem(0, 1)
	sys.maxRing = 512 << 10
	_, err = open(sys, o)
	require.ErrorIs(t, err, syscall.EPERM, "a size that was asked for is not made smaller")
	assert.Zero(t, sys.open)
}

func TestCPUsThatGoWhileOpening(t *testing.T) {
	gone := tracefs.Explain(tracefs.OpPerfOpen, "", syscall.ENODEV)
	for _, step := range []string{"ring 1", "attach 1"} {
		sys := newFakeSystem(0, 1, 2)
		sys.online = []int{0, 2}
		sys.fail = map[string]error{step: gone}
		l := sys.listenTo(t, Options{})
		sys.write(2, 7, rawOTLP(447, "x"))
		assert.Equal(t, 2, readN(t, l, 1)[0].CPU)
	}

	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	sys := newFakeSystem(0, 1)
	sys.fail = map[string]error{"ring 1": gone}
	l, err := open(sys, o)
	require.NoError(t, err, "it may be back already")
	sys.fail = nil
	l.beginBatch()
	assert.Equal(t, []int{0, 1}, l.Info().CPUs)
	assert.Equal(t, uint64(1), l.Stats().CPUs[1].Gaps)
	require.NoError(t, l.Close())

	sys = newFakeSystem(0)
	sys.online = []int{}
	sys.fail = map[string]error{"ring 0": gone}
	_, err = open(sys, o)
	assert.ErrorContains(t, err, "none of the CPUs [0] has a ring")
	assert.Zero(t, sys.open)
}

func TestTracepointThatExists(t *testing.T) {
	t.Run("with the same fields", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.formats["user_events/otlp_metrics"] = layouttest.ParsedOTLP("otlp_metrics", 500)
		l := sys.listenTo(t, Options{})
		assert.Equal(t, []TracepointInfo{{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 500,
			Registered: true, Attached: true}}, l.Info().Tracepoints)
	})
	t.Run("with the C++ exporter's", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.formats["user_events/otlp_metrics"] = layouttest.ParsedFieldless("otlp_metrics", 500)
		l := sys.listenTo(t, Options{})
		assert.Equal(t, []TracepointInfo{{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 500,
			Layout: LayoutFieldless, Attached: true}}, l.Info().Tracepoints)
		sys.write(0, 7, rawFieldless(500, "from C++"))
		assert.Equal(t, []string{"from C++"}, payloads(readN(t, l, 1)))
	})
	t.Run("the other way round", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.formats["user_events/otlp_metrics"] = layouttest.ParsedOTLP("otlp_metrics", 500)
		l := sys.listenTo(t, Options{Layout: LayoutFieldless})
		assert.Equal(t, LayoutOTLP, l.Info().Tracepoints[0].Layout)
		assert.False(t, l.Info().Tracepoints[0].Registered)
	})
}

func TestFieldlessLayoutIsRegistered(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Layout: LayoutFieldless})
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 447,
		Layout: LayoutFieldless, Registered: true, Attached: true}, l.Info().Tracepoints[0])
}

func TestAwaitedTracepoint(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Register: RegisterNever})
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: -1},
		l.Info().Tracepoints[0])
	assert.NotContains(t, sys.steps, "register")

	got := make(chan Event)
	go func() {
		var ev Event
		assert.NoError(t, l.Read(context.Background(), &ev))
		got <- ev
	}()
	waits := &sys.waiters[0].waits
	until(t, func() bool { return waits.Load() > 0 })

	sys.mu.Lock()
	sys.formats["user_events/otlp_metrics"] = layouttest.ParsedFieldless("otlp_metrics", 500)
	sys.mu.Unlock()
	sys.wake()
	until(t, func() bool { return waits.Load() > 1 })
	assert.False(t, l.Info().Tracepoints[0].Attached, "polled once a second, and no time has passed")

	sys.pass(1e9)
	sys.wake()
	until(t, func() bool { return l.Info().Tracepoints[0].Attached })
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 500,
		Layout: LayoutFieldless, Attached: true}, l.Info().Tracepoints[0])
	sys.write(0, 7, rawFieldless(500, "at last"))
	assert.Equal(t, "at last", string((<-got).Payload))
}

// One that turns out to be something else is reported, and waited for further.
func TestAwaitedTracepointThatIsSomethingElse(t *testing.T) {
	sys := newFakeSystem(0)
	sys.formats["user_events/otlp_metrics"] = layouttest.ParsedWithoutPayload("otlp_metrics", 500)
	l := sys.listenTo(t, Options{Register: RegisterNever})
	info := l.Info().Tracepoints[0]
	require.ErrorIs(t, info.Err, ErrLayout)
	assert.False(t, info.Attached)
	assert.Equal(t, 500, info.ID)

	sys.pass(time.Duration(trialTime))
	l.beginBatch()
	sys.formats["user_events/otlp_metrics"] = layouttest.ParsedOTLP("otlp_metrics", 501)
	sys.pass(time.Second)
	l.beginBatch()
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 501, Attached: true},
		l.Info().Tracepoints[0])
}

func TestTakenNames(t *testing.T) {
	taken := func() *fakeSystem {
		sys := newFakeSystem(0)
		sys.formats["user_events/a"] = layouttest.ParsedWithoutPayload("a", 500)
		return sys
	}
	t.Run("its events say who has it", func(t *testing.T) {
		sys := taken()
		sys.names[66] = "other"
		l := sys.listenTo(t, Options{Names: []string{"a", "b"}})
		info := l.Info().Tracepoints
		require.ErrorIs(t, info[0].Err, ErrLayout)
		assert.ErrorContains(t, info[0].Err, `"u32 count"`)
		assert.False(t, info[0].Attached)
		assert.True(t, info[1].Attached)
		sys.write(0, 66, append(rawCommon(500), 1, 2, 3, 4))
		sys.write(0, 7, rawOTLP(info[1].ID, "of b"))
		events := readN(t, l, 2)
		require.ErrorIs(t, events[0].Err, ErrUndecodable)
		require.ErrorIs(t, events[0].Err, ErrLayout)
		assert.Equal(t, "a", events[0].Tracepoint)
		assert.Equal(t, 66, events[0].PID)
		assert.Equal(t, "other", events[0].Process)
		assert.Empty(t, events[0].Payload)
		require.NoError(t, events[1].Err)
		assert.Equal(t, "of b", string(events[1].Payload))
		assert.Equal(t, uint64(1), l.Stats().Total().Undecodable)
	})
	t.Run("it is let go, so that it can end", func(t *testing.T) {
		sys := taken()
		l := sys.listenTo(t, Options{Names: []string{"a"}})
		sys.write(0, 66, rawCommon(500))
		require.ErrorIs(t, readN(t, l, 1)[0].Err, ErrUndecodable)
		open := sys.open
		scan := func() {
			sys.pass(time.Second)
			l.beginBatch()
		}
		attached := 0
		for range 120 {
			scan()
			if sys.open == open {
				attached++
			}
		}
		assert.InDelta(t, 110, attached, 3, "most of the time it is attached")
		assert.Equal(t, uint64(1), l.Stats().Total().Written, "numbers are kept")
		for sys.open == open {
			scan()
		}
		delete(sys.formats, "user_events/a")
		scan()
		info := l.Info().Tracepoints[0]
		require.NoError(t, info.Err)
		assert.True(t, info.Attached)
		assert.True(t, info.Registered)
		sys.write(0, 7, rawOTLP(info.ID, "at last"))
		assert.Equal(t, []string{"at last"}, payloads(readN(t, l, 1)))
	})
	t.Run("and it is there in another format", func(t *testing.T) {
		sys := taken()
		sys.addMulti(layouttest.ParsedOTLP("a.2", 600))
		l := sys.listenTo(t, Options{Names: []string{"a"}})
		sys.write(0, 7, rawOTLP(600, "of a.2"))
		ev := readN(t, l, 1)[0]
		assert.Equal(t, "of a.2", string(ev.Payload))
		assert.Equal(t, "a", ev.Tracepoint)
	})
	t.Run("what fails later is reported and tried again", func(t *testing.T) {
		sys := newFakeSystem(0)
		l := sys.listenTo(t, Options{Names: []string{"a"}, Register: RegisterNever})
		sys.formats["user_events/a"] = layouttest.ParsedOTLP("a", 500)
		sys.fail = map[string]error{"attach 0": tracefs.Explain(tracefs.OpPerfOpen, "", syscall.EMFILE)}
		sys.pass(time.Second)
		l.beginBatch()
		info := l.Info().Tracepoints[0]
		require.ErrorIs(t, info.Err, syscall.EMFILE)
		assert.ErrorContains(t, info.Err, "LimitNOFILE")
		assert.False(t, info.Attached)
		sys.fail = nil
		sys.pass(time.Second)
		l.beginBatch()
		assert.NoError(t, l.Info().Tracepoints[0].Err)
		assert.True(t, l.Info().Tracepoints[0].Attached)
	})
}

// A tracepoint of somebody else may go between reading its id and attaching.
func TestTracepointThatIsReplacedMeanwhile(t *testing.T) {
	sys := newFakeSystem(0)
	sys.formats["user_events/otlp_metrics"] = layouttest.ParsedFieldless("otlp_metrics", 500)
	replaced := &replacing{fakeSystem: sys}
	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	l, err := open(replaced, o)
	require.NoError(t, err)
	defer l.Close()
	assert.Equal(t, 447, l.Info().Tracepoints[0].ID)
	assert.True(t, l.Info().Tracepoints[0].Registered)
	assert.Contains(t, sys.steps, "attach 447 to 0")
}

// replacing loses the tracepoint when its format was read.
type replacing struct{ *fakeSystem }

func (r *replacing) eventFormat(l tracefs.Location, system, name string) (*tracefs.Format, error) {
	f, err := r.fakeSystem.eventFormat(l, system, name)
	if f != nil && f.ID == 500 {
		delete(r.formats, system+"/"+name)
		r.fail = map[string]error{"attach 0": tracefs.Explain(tracefs.OpPerfOpen, "", syscall.EINVAL)}
	} else {
		r.fail = nil
	}
	return f, err
}

func TestReadEndsWithItsContext(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error)
	go func() { done <- l.Read(ctx, &Event{}) }()
	until(t, func() bool { return sys.waiters[0].waits.Load() > 0 })
	cancel(nil)
	require.ErrorIs(t, <-done, context.Canceled)

	sys.write(0, 7, rawOTLP(447, "kept"))
	require.ErrorIs(t, l.Read(ctx, &Event{}), context.Canceled)
	assert.Equal(t, []string{"kept"}, payloads(readN(t, l, 1)), "no event is lost by it")
}

func TestCloseEndsRead(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	done := make(chan error)
	go func() { done <- l.Read(context.Background(), &Event{}) }()
	until(t, func() bool { return sys.waiters[0].waits.Load() > 0 })
	require.NoError(t, l.Close())
	err := <-done
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, l.Read(context.Background(), &Event{}), ErrClosed)
	require.NoError(t, l.Close())
}

func TestStatsAndInfoAfterClose(t *testing.T) {
	sys := newFakeSystem(0, 4)
	l := sys.listenTo(t, Options{})
	sys.write(4, 7, rawOTLP(447, "x"))
	readN(t, l, 1)
	stats, info := l.Stats(), l.Info()
	require.NoError(t, l.Close())
	after := l.Stats()
	for i := range stats.CPUs {
		stats.CPUs[i].Since = after.CPUs[i].Since // mapped by the clocks of another moment
	}
	assert.Equal(t, stats, after)
	assert.Equal(t, info, l.Info())
	assert.Equal(t, uint64(1), after.Total().Written)
}

func TestCloseReturnsWhatFailed(t *testing.T) {
	for _, what := range []string{"counter", "ring", "registration", "file", "waiter"} {
		sys := newFakeSystem(0)
		o, err := Options{}.withDefaults()
		require.NoError(t, err)
		l, err := open(sys, o)
		require.NoError(t, err)
		boom := errors.New("boom")
		sys.fail = map[string]error{"close " + what: boom}
		require.ErrorIs(t, l.Close(), boom)
		require.ErrorIs(t, l.Close(), boom, "again the same")
		assert.Zero(t, sys.open, "the rest is closed all the same")
	}
}

func TestReadReturnsAFailedWait(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	boom := errors.New("boom")
	sys.mu.Lock()
	sys.fail = map[string]error{"wait": boom}
	sys.mu.Unlock()
	require.ErrorIs(t, l.Read(context.Background(), &Event{}), boom)
}

func TestStatsRememberWhatTheKernelSaidLast(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	sys.write(0, 7, rawOTLP(447, "x"))
	assert.Equal(t, uint64(1), l.Stats().CPUs[0].Written)
	sys.rings[0].counters[447].written.Store(0)
	sys.rings[0].counters[447].silent.Store(true)
	assert.Equal(t, uint64(1), l.Stats().CPUs[0].Written)
}

func TestAll(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	for i := range 3 {
		sys.write(0, 7, rawOTLP(447, fmt.Sprint(i)))
	}
	var got []string
	for ev, err := range l.All(context.Background()) {
		require.NoError(t, err)
		got = append(got, string(ev.Payload))
		if len(got) == 2 {
			break
		}
	}
	assert.Equal(t, []string{"0", "1"}, got)
	ctx, cancel := context.WithCancel(context.Background())
	var last error
	for ev, err := range l.All(ctx) {
		if err != nil {
			assert.Nil(t, ev)
			last = err
			continue
		}
		got = append(got, string(ev.Payload))
		cancel()
	}
	cancel()
	assert.Equal(t, []string{"0", "1", "2"}, got)
	assert.ErrorIs(t, last, context.Canceled)
}

func TestListenerConcurrentSafe(t *testing.T) {
	for range 50 {
		sys := newFakeSystem(0, 1)
		l := sys.listenTo(t, Options{})
		var wg sync.WaitGroup
		const events = 50
		var mu sync.Mutex
		got := map[string]int{}
		for range 3 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				var ev Event
				for {
					if err := l.Read(context.Background(), &ev); err != nil {
						assert.ErrorIs(t, err, ErrClosed)
						return
					}
					mu.Lock()
					got[string(ev.Payload)]++
					all := len(got) == events
					mu.Unlock()
					if all {
						go func() { _ = l.Close() }()
					}
				}
			}()
		}
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 20 {
					s := l.Stats().Total()
					assert.LessOrEqual(t, s.Received, s.Written)
					assert.Len(t, l.Info().CPUs, 2)
				}
			}()
		}
		for i := range events {
			sys.write(i%2, 7, rawOTLP(447, fmt.Sprint(i)))
		}
		wg.Wait()
		require.NoError(t, l.Close())
		for p, n := range got {
			assert.Equal(t, 1, n, "event %s", p)
		}
	}
}

// until waits for what another goroutine brings about.
func until(t *testing.T, cond func() bool) {
	t.Helper()
	require.Eventually(t, cond, waitLimit, waitTick)
}
