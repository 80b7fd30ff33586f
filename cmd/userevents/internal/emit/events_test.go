// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// registering returns an emitter whose tracepoints are all k, and what it registered.
func registering(k *kernel) (e *Emitter, declarations, warnings *[]string) {
	e, warnings = emitter(k)
	declarations = new([]string)
	e.Register = func(declaration string) (Tracepoint, error) {
		*declarations = append(*declarations, declaration)
		if strings.HasPrefix(declaration, "Taken_") {
			return nil, syscall.EADDRINUSE
		}
		return k, nil
	}
	return e, declarations, warnings
}

func TestEventHeaderEventsAreWritten(t *testing.T) {
	k := &kernel{enabled: true}
	e, declarations, warnings := registering(k)
	events := commandtest.FieldEvents(t)
	for _, ev := range events[:2] {
		require.NoError(t, e.WriteEventHeader(context.Background(), &source.Event{Event: ev}))
	}
	assert.Equal(t, []string{"Shop_L3K1f " + eventheader.Fields}, *declarations, "once")
	require.Len(t, k.events, 2)
	for i, written := range k.events {
		assert.Equal(t, string(events[i].Payload), string(written[tracepoint.IndexSize:]))
	}
	k.enabled = false
	require.NoError(t, e.WriteEventHeader(context.Background(), &source.Event{Event: events[0]}))
	assert.Equal(t, []string{"somebody listens to Shop_L3K1f",
		"nobody listens to Shop_L3K1f: nothing is written until somebody does"}, *warnings)
	assert.Equal(t, Result{EventHeader: Counts{Offered: 3, Written: 2}}, e.Result)
	assert.Equal(t, "3 EventHeader events: 2 written, 0 dropped, 1 while nobody listened", e.Result.String())

	require.NoError(t, e.Write(context.Background(), k, gauges(1, 1, 1)))
	assert.Contains(t, e.Result.String(), "1 export, 1 point: 0 written in 0 events of 0 bytes in all, 0 dropped, "+
		"1 while nobody listened; 3 EventHeader events: ")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, e.WriteEventHeader(ctx, &source.Event{Event: events[0]}), context.Canceled)
	assert.Equal(t, uint64(3), e.Result.EventHeader.Offered)
}

// What cannot be written is counted and named once, and no error.
func TestEventsThatAreNotWritten(t *testing.T) {
	shop, sched := commandtest.FieldEvents(t)[0], commandtest.FieldEvents(t)[2]
	large, noLevel, noName, taken := shop, shop, shop, shop
	large.Payload = make([]byte, eventheader.MaxEventSize+1)
	noLevel.Level = 0
	noName.Tracepoint = "a b; u8 c_L3K1f"
	taken.Tracepoint = "Taken_L3K1f"
	for _, tt := range []struct {
		name  string
		event source.Event
		errs  []error
		want  string
	}{
		{"the kernel's", source.Event{Event: sched}, nil,
			"events of sched:sched_process_exec are not written: this is no"},
		{"of JSON, the kernel's", source.Event{Event: noLevel}, nil,
			"this is no tracepoint of an EventHeader provider"},
		{"another declaration", source.Event{Event: noName}, nil, "events of a b; u8 c_L3K1f are not written: must be"},
		{"a name that is taken", source.Event{Event: taken}, nil, "address already in use"},
		{"too large", source.Event{Event: large}, nil, "8185 bytes, 8184 are possible"},
		{"refused", source.Event{Event: shop}, []error{syscall.EFAULT, syscall.EFAULT}, "bad address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &kernel{enabled: true, errs: tt.errs}
			e, _, warnings := registering(k)
			for range 2 {
				require.NoError(t, e.WriteEventHeader(context.Background(), &tt.event))
			}
			assert.Equal(t, Counts{Offered: 2, Dropped: 2}, e.Result.EventHeader)
			assert.Empty(t, k.events)
			said := strings.Join(*warnings, "\n")
			assert.Equal(t, 1, strings.Count(said, tt.want), said)
		})
	}
	k := &kernel{enabled: true, errs: []error{errors.Join(tracepoint.ErrLost, syscall.EBADF)}}
	e, _, _ := registering(k)
	require.ErrorIs(t, e.WriteEventHeader(context.Background(), &source.Event{Event: shop}), tracepoint.ErrLost)
}

// All events together are paced, and the first one waits for a listener of its
// tracepoint.
func TestEventsArePacedAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{enabled: true}
		e, _, warnings := registering(k)
		e.Await = true
		ev := source.Event{Event: commandtest.FieldEvents(t)[0]}
		ev.Payload = make([]byte, 3000)
		begun := time.Now()
		for range 200 {
			require.NoError(t, e.WriteEventHeader(context.Background(), &ev))
		}
		assert.Equal(t, 9*tracepoint.DefaultPause, time.Since(begun))

		e.Register = func(string) (Tracepoint, error) { return &comesLaterTo{k, 0}, nil }
		begun = time.Now()
		ev.Tracepoint = "Other_L3K1"
		require.NoError(t, e.WriteEventHeader(context.Background(), &ev))
		assert.Greater(t, time.Since(begun), settle)
		assert.Equal(t, []string{"somebody listens to Shop_L3K1f", "waiting for a listener of Other_L3K1",
			"somebody listens to Other_L3K1"}, *warnings)
		assert.Len(t, k.events, 201)
	})
}

// comesLaterTo has a listener from the third poll on.
type comesLaterTo struct {
	*kernel
	polls int
}

func (c *comesLaterTo) Enabled() bool { c.polls++; return c.polls >= 3 }
