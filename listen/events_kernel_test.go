// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// sets makes a provider with event sets of these levels and the keyword 1.
func sets(t *testing.T, provider string, levels ...eventheader.Level) (all []*eventheader.EventSet) {
	t.Helper()
	p, err := eventheader.NewProvider(provider)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for _, level := range levels {
		set, err := p.EventSet(level, 1)
		require.NoError(t, err)
		all = append(all, set)
	}
	return all
}

// writeText writes an event with the field "text".
func writeText(set *eventheader.EventSet, name, text string) error {
	var b eventheader.Builder
	return set.Write(b.Reset(name, 0).String("text", text))
}

// Metrics, EventHeader events and a tracepoint of the kernel by one listener. The
// first was not registered before, the second neither, the third is the kernel's.
func TestKernelSeveralLayouts(t *testing.T) {
	name := tracepointOf(t)
	l := listenIn(t, Options{
		Names:  []string{name},
		Events: append(EventHeaderNames(name, eventheader.LevelVerbose, 1), "sched:sched_process_exec"),
	})
	assert.Empty(t, l.Info().Findings())
	metrics := produce(t, name, tracefs.FieldsOTLP)
	all := sets(t, name, eventheader.LevelCritical, eventheader.LevelInformation)
	for _, set := range all {
		require.True(t, set.Enabled(), "it starts enabled")
	}
	require.NoError(t, metrics.otlp("metrics"))
	require.NoError(t, writeText(all[1], "order", "three books"))
	command := exec.Command("/bin/true")
	require.NoError(t, command.Run())
	require.NoError(t, writeText(all[0], "fire", "in the shop"))

	var events []Event
	for len(events) < 4 {
		ev := next(t, l)
		if ev.Layout == LayoutAny && ev.PID != command.Process.Pid {
			continue // another process
		}
		events = append(events, ev)
	}
	assert.Equal(t, "metrics", string(events[0].Payload))
	assert.Equal(t, LayoutOTLP, events[0].Layout)

	assert.Equal(t, "order three books", textOf(t, &events[1]))
	assert.Equal(t, name+"_L4K1", events[1].Tracepoint)
	assert.Equal(t, name, events[1].Provider)
	assert.Equal(t, eventheader.LevelInformation, events[1].Level)
	assert.Equal(t, uint64(1), events[1].Keyword)
	assert.Equal(t, os.Getpid(), events[1].PID)

	assert.Equal(t, "sched:sched_process_exec", events[2].Tracepoint)
	assert.Equal(t, []string{"filename=/bin/true", fmt.Sprint("pid=", command.Process.Pid),
		fmt.Sprint("old_pid=", command.Process.Pid)}, fieldsOf(&events[2]))

	assert.Equal(t, "fire in the shop", textOf(t, &events[3]))
	assert.Equal(t, eventheader.LevelCritical, events[3].Level)
	drain(t, l, func(*Event) {})
	c := l.Stats().Total()
	assert.Equal(t, c.Written, c.Received+c.Lost)
	assert.Zero(t, c.Unknown+c.Undecodable+c.Malformed)
}

// A provider that comes after the listener is found by a pattern. It is not
// enabled before, so that nothing is lost and there is no gap.
func TestKernelEventsAreFoundWhenTheyCome(t *testing.T) {
	name := tracepointOf(t)
	l := listenIn(t, Options{Events: []string{name + "_L*"}})
	assert.Len(t, findings(l), 1, "it waits")
	other := sets(t, name+"2", eventheader.LevelInformation)[0]
	for i, level := range []eventheader.Level{eventheader.LevelVerbose, eventheader.LevelError} {
		set := sets(t, name, level)[0]
		require.False(t, set.Enabled())
		require.Empty(t, readUntil(t, l, set.Enabled))
		readUntil(t, l, func() bool { return len(attachedNames(l)) == i+1 })
		require.NoError(t, writeText(set, "order", level.String()))
		ev := next(t, l)
		assert.Equal(t, "order "+level.String(), textOf(t, &ev))
		assert.Equal(t, level, ev.Level)
	}
	multi := produceMulti(t, name+"_L4K1", eventheader.Fields)
	readUntil(t, l, multi.enabled)
	readUntil(t, l, func() bool { return len(attachedNames(l)) == 3 })
	require.NoError(t, multi.write(layouttest.EventHeaderWrite(order, 4, "order", "in several formats")))
	ev := next(t, l)
	assert.Equal(t, "order in several formats", textOf(t, &ev))
	assert.Equal(t, name+"_L4K1", ev.Tracepoint)
	assert.False(t, other.Enabled(), "its name does not match")
	assert.Empty(t, findings(l))
	assert.Zero(t, l.Stats().TracepointGaps)
	c := l.Stats().Total()
	assert.Equal(t, [...]uint64{3, 3}, [...]uint64{c.Written, c.Received})
}

// All that processes register, and nothing that is beside it.
func TestKernelAllUserEvents(t *testing.T) {
	name := tracepointOf(t)
	produce(t, name, tracefs.FieldsOTLP)
	produceMulti(t, name, tracefs.FieldsNone)
	set := sets(t, name, eventheader.LevelInformation)[0]
	l := listenIn(t, Options{Events: []string{"*"}})
	assert.Subset(t, attachedNames(l), []string{name, set.Name().String()})
	for _, ti := range l.Info().Tracepoints {
		require.NoError(t, ti.Err, ti.Event)
	}
	assert.True(t, set.Enabled())
}

// A provider can register its name when who had taken it has ended.
func TestKernelTakenEventHeaderName(t *testing.T) {
	name := tracepointOf(t) + "_L4K1"
	other := produce(t, name, "u32 count")
	l := listenIn(t, Options{Events: []string{name}})
	l.targets.trial = scanEvery
	require.Len(t, findings(l), 1)
	assert.Contains(t, findings(l)[0], "cannot register it")
	require.NoError(t, other.write(order.AppendUint32(nil, 42)))
	ev := next(t, l)
	assert.Equal(t, []string{"count=42"}, fieldsOf(&ev))
	other.leave()
	readUntil(t, l, func() bool { return l.Info().Tracepoints[0].Registered })
	assert.Empty(t, findings(l))
	set := sets(t, tracepointOf(t), eventheader.LevelInformation)[0]
	require.True(t, set.Enabled())
	require.NoError(t, writeText(set, "order", "three books"))
	ev = next(t, l)
	assert.Equal(t, "order three books", textOf(t, &ev))
}

func TestKernelEventsAreBounded(t *testing.T) {
	name := tracepointOf(t)
	levels := make([]eventheader.Level, 20)
	for i := range levels {
		levels[i] = eventheader.Level(i + 1)
	}
	all := sets(t, name, levels...)
	open := descriptors(t)
	l := listenIn(t, Options{Events: []string{name + "_L*", name + "_L14K1"}, MaxEvents: 4})
	assert.Len(t, attachedNames(l), 4)
	assert.Contains(t, attachedNames(l), name+"_L14K1", "one that is named has a slot")
	enabled := 0
	for _, set := range all {
		if set.Enabled() {
			enabled++
		}
	}
	assert.Equal(t, 4, enabled)
	assert.Equal(t, 16, l.Info().Refusals)
	require.Len(t, findings(l), 1)
	assert.Contains(t, findings(l)[0], "16 tracepoints are not listened to, at most 4 are: ")
	assert.Contains(t, findings(l)[0], "user_events/"+name+"_L")
	require.NoError(t, l.Close())
	assert.Equal(t, open, descriptors(t))
}

// Small rings, and more than they hold, of two layouts at once: each event is
// received or counted as lost.
func TestKernelBooksOfSeveralLayouts(t *testing.T) {
	name := tracepointOf(t)
	l := listenIn(t, Options{Names: []string{name}, Events: []string{name + "_L*"}, RingSize: 32 << 10})
	metrics := produce(t, name, tracefs.FieldsOTLP)
	set := sets(t, name, eventheader.LevelInformation)[0]
	readUntil(t, l, set.Enabled)
	readUntil(t, l, func() bool { return len(attachedNames(l)) == 2 })
	const each = 1000
	text := strings.Repeat("x", 700)
	var wg sync.WaitGroup
	for _, cpu := range l.Info().CPUs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			assert.NoError(t, runOn(cpu, func() error {
				for range each {
					if err := metrics.otlp(text); err != nil {
						return err
					}
					if err := writeText(set, "order", text); err != nil {
						return err
					}
				}
				return nil
			}))
		}()
	}
	wg.Wait()
	received := map[Layout]uint64{}
	drain(t, l, func(ev *Event) {
		received[ev.Layout]++
		if ev.Layout == LayoutOTLP {
			assert.Equal(t, text, string(ev.Payload))
		} else {
			assert.Equal(t, "order "+text, textOf(t, ev))
		}
	})
	stats := l.Stats()
	for _, c := range stats.CPUs {
		t.Logf("CPU %d: written %d received %d lost %d", c.CPU, c.Written, c.Received, c.Lost)
		assert.Equal(t, uint64(2*each), c.Written)
		assert.Equal(t, c.Written, c.Received+c.Lost)
		assert.NotZero(t, c.Lost)
		assert.Zero(t, c.Resyncs+c.Malformed+c.Unknown+c.Undecodable)
	}
	assert.NotZero(t, received[LayoutOTLP])
	assert.NotZero(t, received[LayoutEventHeader])
	assert.Equal(t, stats.Total().Received, received[LayoutOTLP]+received[LayoutEventHeader])
}

// The kernel takes line breaks in the names of fields, and so in the lines of
// format files. A tracepoint cannot pass by them for another one, which nobody
// asked for: a line of a field that ends too early makes the file malformed.
func TestKernelTracepointThatPassesForAnother(t *testing.T) {
	name := tracepointOf(t)
	other := sets(t, "Other"+name, eventheader.LevelInformation)[0]
	id, err := os.ReadFile("/sys/kernel/tracing/events/user_events/" + other.Name().String() + "/id")
	require.NoError(t, err)
	produce(t, name+"_L7K1", "u32 a\nID:"+strings.TrimSpace(string(id)))
	l := listenIn(t, Options{Events: []string{name + "_L*"}})
	assert.False(t, other.Enabled())
	assert.Empty(t, attachedNames(l))
	require.Len(t, findings(l), 1)
	assert.Contains(t, findings(l)[0], "not a format file")
}

// A process that takes names that look like a provider's, with fields and bytes
// as it likes, harms nobody: what a provider writes arrives.
func TestKernelHostileProvider(t *testing.T) {
	name := tracepointOf(t)
	hostile := []struct{ name, fields string }{
		{name + "_L4K1", "u32 count"},                            // another's name
		{name + "_L5K1", eventheader.Fields + "; u8 more"},       // almost
		{name + "_L3K1", "__rel_loc char[] text; char[8] fixed"}, // dynamic
		{name + "_L\x1b[2J\u202e", eventheader.Fields},           // what a terminal obeys
		{name + "_Lffffffffffffffffffff", eventheader.Fields},    // too large a number
		{name + "_L2K1" + strings.Repeat("Gx", 60), "u8 eventheader_flags"},
		{name + "_L1K1", eventheader.Fields}, // and bytes that are no event
	}
	var producers []*producer
	var names []string
	for _, h := range hostile {
		p, err := layouttest.NewProducer(h.name, h.fields, 0)
		if err != nil {
			t.Logf("the kernel refuses %q: %v", h.name, err)
			continue
		}
		producers = append(producers, &producer{p})
		t.Cleanup(producers[len(producers)-1].leave)
		names = append(names, h.name)
	}
	require.Greater(t, len(producers), 4)
	l := listenIn(t, Options{Events: []string{name + "_L*"}})
	good := sets(t, name, eventheader.LevelInformation+10)[0]
	readUntil(t, l, good.Enabled)
	readUntil(t, l, func() bool { return slices.Contains(attachedNames(l), good.Name().String()) })
	assert.ElementsMatch(t, append(names, good.Name().String()), attachedNames(l))
	for _, f := range findings(l) {
		assert.Equal(t, strings.ToValidUTF8(f, "?"), f)
		assert.NotContains(t, f, "\x1b")
		assert.NotContains(t, f, "\u202e")
	}

	rnd := rand.New(rand.NewPCG(13, 14))
	event := layouttest.EventHeaderWrite(order, 4, "order", "three books")
	taken, received, marks := 0, 0, 0
	var text []byte
	read := func(ev *Event) {
		if ev.Tracepoint == good.Name().String() {
			assert.Equal(t, fmt.Sprint("mark ", marks), textOf(t, ev))
			marks++
			return
		}
		received++
		// Whatever they are, events are read to their ends.
		for f := range ev.Fields() {
			text = f.AppendText(text[:0])
		}
		if e, err := ev.EventHeader(); err == nil {
			for it := e.Fields(); it.Next(); {
				text = it.Field().AppendText(text[:0])
			}
		} else {
			assert.ErrorIs(t, err, ErrUndecodable)
		}
		text, _ = ev.AppendJSON(text[:0])
	}
	for i := range 300 {
		for _, p := range producers {
			b := make([]byte, rnd.IntN(300))
			for j := range b {
				b[j] = byte(rnd.Uint32())
			}
			if i%2 == 0 { // an event with some bytes changed
				b = bytes.Clone(event)
				b[rnd.IntN(len(b))] = byte(rnd.Uint32())
				b = b[:len(b)-rnd.IntN(2)*rnd.IntN(len(b))]
			}
			switch err := p.write(b); err {
			case nil:
				taken++
			case syscall.EINVAL, syscall.EFAULT: // shorter than its fields, or a rel_loc out of it
			default:
				require.NoError(t, err)
			}
		}
		if i%10 == 0 {
			require.NoError(t, writeText(good, "mark", fmt.Sprint(i/10)))
		}
		drain(t, l, read)
	}
	t.Logf("%d of its events taken by the kernel", taken)
	assert.Equal(t, 30, marks)
	assert.Equal(t, taken, received)
	c := l.Stats().Total()
	assert.Equal(t, c.Written, c.Received+c.Lost)
	assert.Zero(t, c.Malformed+c.Unknown+c.Resyncs)
}
