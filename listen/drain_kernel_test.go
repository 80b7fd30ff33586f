// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// writeHard writes on each CPU as fast as it can until nobody listens.
func writeHard(t *testing.T, p *producer, cpus []int) (wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	for _, cpu := range cpus {
		wg.Add(1)
		go func() {
			defer wg.Done()
			assert.NoError(t, runOn(cpu, func() error {
				payload := strings.Repeat("x", 200)
				for p.enabled() {
					if err := p.otlp(payload); err != nil && !errors.Is(err, syscall.EBADF) {
						return err
					}
				}
				return nil
			}))
		}()
	}
	return wg.Wait
}

// However the listener ends while others write, each event that the kernel
// counted is received, lost or left unread.
func TestKernelDrainWhileOthersWrite(t *testing.T) {
	for _, tt := range []struct {
		name   string
		drain  bool
		limit  uint64 // of events to drain, 0: all
		filter bool
	}{
		{name: "drained", drain: true},
		{name: "drained with a filter that wants none", drain: true, filter: true},
		{name: "cut short", drain: true, limit: 10},
		{name: "closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var unread uint64
			for range 6 {
				o := Options{RingSize: 256 << 10}
				if tt.filter {
					o.ProcessNames = []string{"no such process"}
				}
				l := listenIn(t, o)
				p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
				stopped := writeHard(t, p, l.Info().CPUs)
				var read uint64
				for ; read < 100 && !tt.filter; read++ {
					next(t, l)
				}
				for tt.filter && l.Stats().Total().Written < 100 {
					_, _ = readFor(l, waitTick)
				}
				if tt.drain {
					read += drainAtMost(t, l, tt.limit)
					require.ErrorIs(t, l.Read(context.Background(), &Event{}), ErrClosed)
				}
				if !tt.drain || tt.limit > 0 {
					require.NoError(t, l.Close())
				}
				stopped()
				c := l.Stats().Total()
				require.Equal(t, c.Written, c.Received+c.Lost+c.Unread, "%+v", c)
				require.Equal(t, c.Received, read+c.Filtered)
				if tt.drain && tt.limit == 0 {
					require.Zero(t, c.Unread, "%+v", c)
				}
				unread += c.Unread
				require.NoError(t, l.Close())
				require.Equal(t, c, l.Stats().Total(), "final")
				p.leave()
			}
			if !tt.drain || tt.limit > 0 {
				assert.NotZero(t, unread)
			}
		})
	}
}

func drainAtMost(t *testing.T, l *Listener, limit uint64) (n uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, err := range l.Drain(ctx) {
		if limit > 0 && n == limit {
			require.ErrorIs(t, err, context.Canceled)
			break
		}
		require.NoError(t, err)
		if n++; n == limit {
			cancel()
		}
	}
	return n
}

func TestKernelProcessNames(t *testing.T) {
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	mine := listenIn(t, Options{ProcessNames: []string{"other", string(comm[:3]) + "*"}})
	others := listenIn(t, Options{ProcessNames: []string{"other"}})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	require.NoError(t, p.otlp("of this process"))
	assert.Equal(t, "of this process", string(next(t, mine).Payload))
	output, _, err := runHelper(t, "write", nil, tracepointVariable+"="+tracepointOf(t))
	require.NoError(t, err, output)

	assert.Equal(t, uint64(1), drainAtMost(t, mine, 0), "of a process that has ended, with this one's name")
	assert.Zero(t, mine.Stats().Total().Unnamed)
	assert.Zero(t, drainAtMost(t, others, 0))
	c := others.Stats().Total()
	assert.Equal(t, uint64(2), c.Filtered)
	assert.Zero(t, c.Unnamed)
}
