// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		of := func(pid int) entry { return entry{pid: pid, payload: make([]byte, 1000-entryOverhead)} }
		pids := func(batch []entry) (got []int) {
			for _, e := range batch {
				got = append(got, e.pid)
			}
			return got
		}
		p := newPending(3500)
		for pid := range 3 {
			require.NoError(t, p.put(ctx, of(pid)))
		}
		assert.Equal(t, int64(3000), p.held())

		put := make(chan error, 1)
		go func() { put <- p.put(ctx, of(3)) }()
		synctest.Wait()
		assert.Empty(t, put, "no room")

		batch := p.take(ctx, 2999)
		assert.Equal(t, []int{0, 1}, pids(batch))
		synctest.Wait()
		assert.Empty(t, put, "what is being handed on takes room")
		p.done(batch)
		require.NoError(t, <-put)
		batch = p.take(ctx, 1)
		assert.Equal(t, []int{2}, pids(batch), "one, however large")
		p.done(batch)
		assert.Equal(t, []int{3}, pids(p.take(ctx, 5000)))

		canceled, cancel := context.WithCancel(ctx)
		taken := make(chan []entry, 1)
		go func() { taken <- p.take(canceled, 5000) }()
		go func() { put <- p.put(canceled, entry{payload: make([]byte, 3000)}) }()
		synctest.Wait()
		assert.Empty(t, taken)
		cancel()
		assert.Empty(t, <-taken)
		assert.ErrorIs(t, <-put, context.Canceled)

		require.NoError(t, p.put(ctx, of(4)))
		p.close()
		assert.Equal(t, []int{4}, pids(p.take(ctx, 5000)), "closed, but not empty")
		assert.Nil(t, p.take(ctx, 5000))
		require.NoError(t, p.put(ctx, of(5)))
		assert.Equal(t, []int{5}, pids(p.rest()))
		assert.Empty(t, p.rest())
	})
}
