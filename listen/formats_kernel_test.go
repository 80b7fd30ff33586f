// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func produceMulti(t *testing.T, name, fields string) *producer {
	return produceWith(t, name, fields, tracefs.FlagMultiFormat)
}

// Several formats of one name at a time: some are there when the listener
// comes, others come later and start once they have been found. One in which
// there is no payload harms nobody.
func TestKernelMultiFormats(t *testing.T) {
	name := tracepointOf(t)
	first := produceMulti(t, name, tracefs.FieldsOTLP)
	foreign := produceMulti(t, name, "u32 count; u64 sum")
	other := produceMulti(t, name+"_2", tracefs.FieldsOTLP)
	l := listenIn(t, Options{})
	require.True(t, first.enabled())
	require.False(t, foreign.enabled())
	require.False(t, other.enabled(), "another name")
	require.NoError(t, first.otlp("there before"))
	ev := next(t, l)
	assert.Equal(t, "there before", string(ev.Payload))
	assert.Equal(t, name, ev.Tracepoint)
	infos := l.Info().Tracepoints
	require.Len(t, infos, 3)
	assert.True(t, strings.HasPrefix(infos[1].Event, "user_events_multi/"+name+"."), infos[1].Event)
	require.ErrorIs(t, infos[2].Err, ErrLayout)
	assert.NoError(t, l.Info().Err)

	single := produce(t, name, tracefs.FieldsOTLP)
	require.NoError(t, single.otlp("of one format"))
	assert.Equal(t, "of one format", string(next(t, l).Payload))

	fieldless := produceMulti(t, name, tracefs.FieldsNone)
	readUntil(t, l, fieldless.enabled)
	readUntil(t, l, func() bool { return len(multiInfo(l)) == 3 })
	require.NoError(t, fieldless.fieldless("came later"))
	assert.Equal(t, "came later", string(next(t, l).Payload))

	// One ends, and comes again with the same fields: the listener has kept its
	// tracepoint, which it starts with.
	open := descriptors(t)
	for i := range 20 {
		fieldless.leave()
		fieldless = produceMulti(t, name, tracefs.FieldsNone)
		require.True(t, fieldless.enabled(), "it starts enabled")
		require.NoError(t, fieldless.fieldless(fmt.Sprint("again ", i)))
		assert.Equal(t, fmt.Sprint("again ", i), string(next(t, l).Payload))
	}
	assert.Equal(t, open, descriptors(t))
	assert.Equal(t, uint64(1), l.Stats().TracepointGaps, "before it was found")
	c := l.Stats().Total()
	assert.Equal(t, uint64(23), c.Written)
	assert.Equal(t, uint64(23), c.Received)

	foreign.leave()
	readUntil(t, l, func() bool { return len(multiInfo(l)) == 2 })
}

// A name that somebody else has with fields without a payload: what they write says
// who it is, another name is not affected, and all is well when they are gone.
func TestKernelTakenName(t *testing.T) {
	a, b := tracepointOf(t)+"_a", tracepointOf(t)+"_b"
	other := produce(t, a, "u32 count; u64 sum")
	l := listenIn(t, Options{Names: []string{a, b}})
	l.targets.trial = scanEvery
	infos := l.Info().Tracepoints
	require.ErrorIs(t, infos[0].Err, ErrLayout)
	assert.ErrorContains(t, infos[0].Err, "u32 count; u64 sum")
	assert.False(t, infos[0].Attached)
	require.True(t, infos[1].Attached)
	_, err := newProducer(a, tracefs.FieldsOTLP)
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	require.NoError(t, other.write(make([]byte, 12)))
	p := produce(t, b, tracefs.FieldsOTLP)
	require.NoError(t, p.otlp("of b"))
	ev := next(t, l)
	require.ErrorIs(t, ev.Err, ErrUndecodable)
	require.ErrorIs(t, ev.Err, ErrLayout)
	assert.Equal(t, a, ev.Tracepoint)
	assert.Equal(t, os.Getpid(), ev.PID)
	assert.NotEmpty(t, ev.Process)
	assert.Equal(t, "of b", string(next(t, l).Payload))
	assert.Equal(t, uint64(1), l.Stats().Total().Undecodable)

	other.leave()
	readUntil(t, l, func() bool { return l.Info().Tracepoints[0].Attached })
	assert.True(t, l.Info().Tracepoints[0].Registered)
	assert.NoError(t, l.Info().Tracepoints[0].Err)
	p = produce(t, a, tracefs.FieldsOTLP)
	require.NoError(t, p.otlp("of a"))
	assert.Equal(t, "of a", string(next(t, l).Payload))
	c := l.Stats().Total()
	assert.Equal(t, uint64(3), c.Written, "what was counted before is kept")
	assert.Equal(t, uint64(3), c.Received)
}

// One format more than are listened to: the one that writes has the slot once
// it has been found, and the silent one waits.
func TestKernelMoreFormatsThanAreListenedTo(t *testing.T) {
	var found []string
	l := listenIn(t, Options{MaxFormats: 1, OnFinding: func(f Finding) { found = append(found, f.String()) }})
	l.targets.trial = scanEvery
	silent := produceMulti(t, tracepointOf(t), tracefs.FieldsNone)
	readUntil(t, l, silent.enabled)
	p := produceMulti(t, tracepointOf(t), tracefs.FieldsOTLP)
	events := readUntil(t, l, func() bool {
		if p.enabled() {
			require.NoError(t, p.otlp("at last"))
		}
		return l.Stats().Total().Written > 0
	})
	if len(events) == 0 {
		events = append(events, next(t, l))
	}
	assert.Equal(t, "at last", string(events[0].Payload))
	assert.Equal(t, 1, l.Info().Tracepoints[0].SkippedFormats)
	assert.Contains(t, strings.Join(found, "\n"),
		"1 multi-format tracepoints of "+tracepointOf(t)+" are not listened to")
	for range 3 {
		_, _ = readFor(l, time.Duration(scanEvery))
	}
	assert.True(t, p.enabled())
	assert.False(t, silent.enabled())
}

// What is written because others listen, before the listener has found the
// tracepoint, is in a gap.
func TestKernelEventBeforeTheAttachIsInAGap(t *testing.T) {
	var gaps []Gap
	l := listenIn(t, Options{OnGap: func(g Gap) { gaps = append(gaps, g) }})
	p := produceMulti(t, tracepointOf(t), tracefs.FieldsOTLP)
	others := listenIn(t, Options{})
	require.True(t, p.enabled())
	require.NoError(t, p.otlp("early"))
	early := next(t, others)
	require.Empty(t, readUntil(t, l, func() bool { return len(gaps) > 0 }))
	require.Len(t, gaps, 1)
	assert.WithinRange(t, early.Time, gaps[0].From, gaps[0].To)
	assert.True(t, strings.HasPrefix(gaps[0].Tracepoint, "user_events_multi/"+tracepointOf(t)+"."), gaps[0].Tracepoint)
	require.NoError(t, p.otlp("later"))
	assert.Equal(t, "later", string(next(t, l).Payload))
}
