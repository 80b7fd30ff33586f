// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func TestKernelListenerComesFirst(t *testing.T) {
	l := listenIn(t, Options{})
	before := time.Now()
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	require.True(t, p.enabled(), "the producer starts enabled")
	require.NoError(t, p.otlp("the first event"))

	ev := next(t, l)
	assert.Equal(t, "the first event", string(ev.Payload))
	assert.Equal(t, tracepointOf(t), ev.Tracepoint)
	assert.Equal(t, "v0.19.00", ev.Version)
	assert.Zero(t, ev.Protocol)
	assert.NoError(t, ev.Err)
	assert.Equal(t, os.Getpid(), ev.PID)
	assert.NotZero(t, ev.TID)
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSpace(string(comm)), ev.Process)
	assert.WithinRange(t, ev.Time, before.Add(-time.Millisecond), time.Now().Add(time.Millisecond))
}

func TestKernelProducerComesFirst(t *testing.T) {
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	require.False(t, p.enabled())
	require.ErrorIs(t, p.otlp("nobody listens"), syscall.EBADF)
	l := listenIn(t, Options{})
	require.True(t, p.enabled())
	require.NoError(t, p.otlp("received"))
	assert.Equal(t, "received", string(next(t, l).Payload))
	require.NoError(t, l.Close())
	require.Eventually(t, func() bool { return !p.enabled() }, waitLimit, waitTick)
}

func TestKernelTracepointOutlivesItsProducers(t *testing.T) {
	l := listenIn(t, Options{})
	for _, s := range []string{"one", "two"} {
		p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
		require.NoError(t, p.otlp(s))
		p.leave()
	}
	assert.Equal(t, "one", string(next(t, l).Payload))
	assert.Equal(t, "two", string(next(t, l).Payload))
}

func TestKernelEveryCPU(t *testing.T) {
	l := listenIn(t, Options{})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	cpus, err := linux{}.onlineCPUs()
	require.NoError(t, err)
	require.Greater(t, len(cpus), 1, "this needs more than one CPU")
	assert.Equal(t, cpus, l.Info().CPUs)
	const each = 20
	for range each {
		for _, cpu := range cpus {
			require.NoError(t, runOn(cpu, func() error { return p.otlp(strconv.Itoa(cpu)) }))
		}
	}
	got := map[int]int{}
	for range each * len(cpus) {
		ev := next(t, l)
		require.Equal(t, strconv.Itoa(ev.CPU), string(ev.Payload))
		got[ev.CPU]++
	}
	for _, cpu := range cpus {
		assert.Equal(t, each, got[cpu])
	}
}

// Threads on all CPUs write in turns: the order is that of the turns.
func TestKernelOrderAcrossCPUs(t *testing.T) {
	l := listenIn(t, Options{})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	cpus := l.Info().CPUs
	require.Greater(t, len(cpus), 1)
	const total = 4000
	turn := make([]chan int, len(cpus))
	for i := range turn {
		turn[i] = make(chan int)
	}
	var wg sync.WaitGroup
	for i, cpu := range cpus {
		wg.Add(1)
		go func() {
			defer wg.Done()
			assert.NoError(t, runOn(cpu, func() error {
				to := turn[(i+1)%len(cpus)]
				for n := range turn[i] {
					if n == total {
						for _, c := range turn {
							close(c)
						}
						break
					}
					if err := p.otlp(strconv.Itoa(n)); err != nil {
						return err
					}
					select {
					case to <- n + 1:
					case <-time.After(waitLimit):
						return fmt.Errorf("nobody takes turn %d", n+1)
					}
				}
				return nil
			}))
		}()
	}
	allRead := make(chan struct{})
	go func() {
		defer close(allRead)
		var last int64
		for n := range total {
			ev, err := read(l)
			if !assert.NoError(t, err) || !assert.Equal(t, strconv.Itoa(n), string(ev.Payload)) ||
				!assert.GreaterOrEqual(t, ev.Monotonic, last) {
				break
			}
			last = ev.Monotonic
		}
	}()
	turn[0] <- 0
	wg.Wait()
	<-allRead
	c := l.Stats().Total()
	assert.Equal(t, uint64(total), c.Received)
	assert.Zero(t, c.Lost)
}

// More is written than the rings hold, with nobody reading and with somebody
// who is slower: per ring, what was written is what was received and lost.
func TestKernelOverrun(t *testing.T) {
	for _, reading := range []bool{false, true} {
		t.Run(fmt.Sprintf("reading=%v", reading), func(t *testing.T) {
			l := listenIn(t, Options{RingSize: 32 << 10})
			p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
			const each = 2000
			payload := strings.Repeat("x", 1000)
			var recorded, received uint64
			count := func(ev *Event) {
				recorded += ev.LostBefore
				received++
				if string(ev.Payload) != payload {
					t.Errorf("event %d is not what was written", received)
				}
			}
			done := make(chan struct{})
			stop := make(chan struct{})
			go func() {
				defer close(done)
				for reading {
					select {
					case <-stop:
						return
					default:
						if !assert.NoError(t, tryDrain(l, count)) {
							return
						}
					}
				}
			}()
			var wg sync.WaitGroup
			for _, cpu := range l.Info().CPUs {
				wg.Add(1)
				go func() {
					defer wg.Done()
					assert.NoError(t, runOn(cpu, func() error {
						for range each {
							if err := p.otlp(payload); err != nil {
								return err
							}
						}
						return nil
					}))
				}()
			}
			wg.Wait()
			close(stop)
			<-done
			drain(t, l, count)

			stats := l.Stats()
			for _, c := range stats.CPUs {
				t.Logf("CPU %d: written %d received %d lost %d", c.CPU, c.Written, c.Received, c.Lost)
				assert.Equal(t, uint64(each), c.Written)
				assert.Equal(t, c.Written, c.Received+c.Lost)
				assert.NotZero(t, c.Received)
				assert.Zero(t, c.Resyncs+c.Malformed+c.Unknown)
			}
			assert.Equal(t, received, stats.Total().Received)
			assert.NotZero(t, stats.Total().Lost)
			assert.LessOrEqual(t, recorded, stats.Total().Lost)

			// The gap at the end of the burst is recorded before the next event.
			for _, cpu := range l.Info().CPUs {
				require.NoError(t, runOn(cpu, func() error { return p.otlp(payload) }))
			}
			drain(t, l, count)
			assert.Equal(t, l.Stats().Total().Lost, recorded)
		})
	}
}

// The largest message that perf carries arrives whole, also around the end of
// a ring that holds three of them.
func TestKernelLargestMessage(t *testing.T) {
	l := listenIn(t, Options{RingSize: 32 << 10})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	b := make([]byte, 8168)
	for i := range 40 {
		for j := range b {
			b[j] = byte(i + j)
		}
		require.NoError(t, p.otlp(string(b)))
		ev := next(t, l)
		require.NoError(t, ev.Err)
		require.Equal(t, b, ev.Payload)
	}
	assert.Zero(t, l.Stats().Total().Lost)
}

func TestKernelAllSizes(t *testing.T) {
	l := listenIn(t, Options{})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	for n := range 70 {
		s := strings.Repeat("y", n)
		require.NoError(t, p.otlp(s))
		ev := next(t, l)
		require.NoError(t, ev.Err)
		require.Equal(t, s, string(ev.Payload))
	}
}

// A burst wakes the reader by the watermark, long before its delay is over: when
// it sleeps, and when it is busy with the burst before. Less than two watermarks
// stay in a ring.
func TestKernelWatermark(t *testing.T) {
	l := listenIn(t, Options{MaxDelay: time.Minute})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	const size = 8000
	unread := runtime.NumCPU() * (2*maxWatermark/size + 1)
	got := make(chan struct{}, 10_000)
	go func() {
		for ev, err := range l.All(t.Context()) {
			if err != nil {
				return
			}
			assert.Len(t, ev.Payload, size)
			got <- struct{}{}
		}
	}()
	payload, written, received := strings.Repeat("z", size), 0, 0
	for round := range 40 {
		if round%2 == 0 {
			time.Sleep(20 * time.Millisecond) // most likely it sleeps by then
		}
		for range unread {
			require.NoError(t, p.otlp(payload))
		}
		written += unread
		// The scan of each second wakes the reader, too, so that is not waited for.
		for writes := 0; received < written-unread; {
			select {
			case <-got:
				received++
			case <-time.After(time.Millisecond):
				require.NoError(t, p.otlp(payload))
				written++
				writes++
				require.Less(t, writes, 200, "not woken by a ring that passed its watermark: round %d, %d of %d events",
					round, received, written)
			}
		}
	}
}

func TestKernelCloseEndsRead(t *testing.T) {
	l := listenIn(t, Options{MaxDelay: time.Minute})
	done := make(chan error)
	go func() { done <- l.Read(context.Background(), &Event{}) }()
	time.Sleep(50 * time.Millisecond) // most likely waiting then; right in any case
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-done, ErrClosed)

	l = listenIn(t, Options{MaxDelay: time.Minute})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- l.Read(ctx, &Event{}) }()
	time.Sleep(50 * time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func descriptors(t *testing.T) (open []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err == nil && !strings.HasSuffix(to, "/fd") {
			open = append(open, e.Name()+" "+to)
		}
	}
	return open
}

func mappings(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(b), "perf_event")
}

// Nothing is left of a listener: no descriptor, no ring, no tracepoint.
func TestKernelCloseLeavesNothing(t *testing.T) {
	before := descriptors(t)
	for range 10 {
		l := listenIn(t, Options{})
		require.Equal(t, len(l.Info().CPUs), mappings(t))
		for _, d := range descriptors(t) {
			n, _, _ := strings.Cut(d, " ")
			fd, err := strconv.Atoi(n)
			require.NoError(t, err)
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if fd > 2 {
				require.NoError(t, err)
				assert.Equal(t, unix.FD_CLOEXEC, flags, d)
			}
		}
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
	}
	assert.Equal(t, before, descriptors(t))
	assert.Zero(t, mappings(t))
	loc, err := tracefs.Find()
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := loc.Format(tracefs.System, tracepointOf(t))
		return err != nil
	}, waitLimit, waitTick, "the tracepoint is gone")
	_, err = loc.Format(tracefs.System, tracepointOf(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Each listener gets all of it.
func TestKernelTwoListeners(t *testing.T) {
	one, two := listenIn(t, Options{}), listenIn(t, Options{})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	for i := range 100 {
		require.NoError(t, p.otlp(strconv.Itoa(i)))
	}
	require.NoError(t, two.Close())
	require.True(t, p.enabled(), "one is still there")
	require.NoError(t, p.otlp("100"))
	for i := range 101 {
		require.Equal(t, strconv.Itoa(i), string(next(t, one).Payload))
	}
}

func TestKernelTwoTracepoints(t *testing.T) {
	a, b := tracepointOf(t)+"_a", tracepointOf(t)+"_b"
	l := listenIn(t, Options{Names: []string{a, b}})
	pa, pb := produce(t, a, tracefs.FieldsOTLP), produce(t, b, tracefs.FieldsOTLP)
	for i := range 10 {
		require.NoError(t, pa.otlp(fmt.Sprint("a", i)))
		require.NoError(t, pb.otlp(fmt.Sprint("b", i)))
	}
	for i := range 10 {
		ev := next(t, l)
		assert.Equal(t, fmt.Sprint("a", i), string(ev.Payload))
		assert.Equal(t, a, ev.Tracepoint)
		ev = next(t, l)
		assert.Equal(t, fmt.Sprint("b", i), string(ev.Payload))
		assert.Equal(t, b, ev.Tracepoint)
	}
	c := l.Stats().Total()
	assert.Equal(t, uint64(20), c.Written)
	assert.Equal(t, uint64(20), c.Received)
}

func TestKernelFieldless(t *testing.T) {
	t.Run("the listener registers it", func(t *testing.T) {
		l := listenIn(t, Options{Layout: LayoutFieldless})
		assert.Equal(t, LayoutFieldless, l.Info().Tracepoints[0].Layout)
		assert.True(t, l.Info().Tracepoints[0].Registered)
		p := produce(t, tracepointOf(t), tracefs.FieldsNone)
		require.NoError(t, p.fieldless("from C++"))
		ev := next(t, l)
		require.NoError(t, ev.Err)
		assert.Equal(t, "from C++", string(ev.Payload))
		_, err := newProducer(tracepointOf(t), tracefs.FieldsOTLP)
		require.ErrorIs(t, err, syscall.EADDRINUSE, "the first to register decides")
	})
	t.Run("the producer did", func(t *testing.T) {
		p := produce(t, tracepointOf(t), tracefs.FieldsNone)
		l := listenIn(t, Options{})
		assert.Equal(t, LayoutFieldless, l.Info().Tracepoints[0].Layout)
		assert.False(t, l.Info().Tracepoints[0].Registered)
		require.NoError(t, p.fieldless("from C++"))
		assert.Equal(t, "from C++", string(next(t, l).Payload))
	})
}

func TestKernelAwaitedTracepoint(t *testing.T) {
	l := listenIn(t, Options{Register: RegisterNever})
	assert.False(t, l.Info().Tracepoints[0].Attached)
	got := make(chan Event)
	go func() {
		var ev Event
		assert.NoError(t, l.Read(context.Background(), &ev))
		got <- ev
	}()
	p := produce(t, tracepointOf(t), tracefs.FieldsNone)
	require.Eventually(t, p.enabled, waitLimit, waitTick)
	require.Eventually(t, func() bool { return l.Info().Tracepoints[0].Attached }, waitLimit, waitTick)
	require.NoError(t, p.fieldless("at last"))
	assert.Equal(t, "at last", string((<-got).Payload))
}

// A process that writes whatever it likes harms nobody: events of others
// arrive, and each of its own is delivered, marked where it makes no sense.
func TestKernelHostileWriter(t *testing.T) {
	for _, layout := range []Layout{LayoutOTLP, LayoutFieldless} {
		t.Run(layout.String(), func(t *testing.T) {
			l := listenIn(t, Options{Layout: layout})
			p := produceIn(t, tracepointOf(t), layout)
			rnd := rand.New(rand.NewPCG(9, uint64(layout)))
			taken, bad, marks := 0, 0, 0
			refused := 0
			for i := range 3000 {
				if i%100 == 0 {
					mark := "mark " + strconv.Itoa(i)
					if layout == LayoutOTLP {
						require.NoError(t, p.otlp(mark))
					} else {
						require.NoError(t, p.fieldless(mark))
					}
				}
				b := make([]byte, rnd.IntN(300))
				for j := range b {
					b[j] = byte(rnd.Uint32() & rnd.Uint32() & rnd.Uint32()) // many small numbers
				}
				if p.write(b) == nil {
					taken++
				} else {
					refused++
				}
				if i%50 == 0 {
					drain(t, l, func(ev *Event) {
						if ev.Err != nil {
							bad++
							assert.Empty(t, ev.Payload)
						}
						if strings.HasPrefix(string(ev.Payload), "mark ") {
							marks++
						}
						assert.Equal(t, os.Getpid(), ev.PID)
					})
				}
			}
			drain(t, l, func(ev *Event) {
				if ev.Err != nil {
					bad++
				}
			})
			c := l.Stats().Total()
			t.Logf("%d written, %d refused by the kernel, %d undecodable", taken, refused, bad)
			assert.Equal(t, 30, marks)
			assert.Equal(t, uint64(taken+30), c.Received)
			assert.Equal(t, uint64(bad), c.Undecodable)
			if layout == LayoutFieldless {
				assert.NotZero(t, bad, "the kernel checks nothing there")
			} else {
				assert.NotZero(t, refused, "the kernel checks the length of buffer")
			}
		})
	}
}
