// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		of := func(pid int) entry {
			return entry{pid: pid, payload: make([]byte, 1000-entryOverhead), points: 10, decoded: 7000}
		}
		pids := func(batch []entry) (got []int) {
			for _, e := range batch {
				got = append(got, e.pid)
			}
			return got
		}
		q := newQueue(3500)
		for pid := range 3 {
			require.NoError(t, q.put(ctx, of(pid)))
		}
		assert.Equal(t, int64(3000), q.held())

		put := make(chan error, 1)
		go func() { put <- q.put(ctx, of(3)) }()
		synctest.Wait()
		assert.Empty(t, put, "no room")

		batch := q.take(ctx, 20999)
		assert.Equal(t, []int{0, 1}, pids(batch), "what they take decoded is bounded")
		synctest.Wait()
		assert.Empty(t, put, "what is being delivered takes room")
		q.done(batch)
		require.NoError(t, <-put)
		batch = q.take(ctx, 1)
		assert.Equal(t, []int{2}, pids(batch), "one, however large")
		q.done(batch)
		assert.Equal(t, []int{3}, pids(q.take(ctx, 50000)))

		canceled, cancel := context.WithCancel(ctx)
		taken := make(chan []entry, 1)
		go func() { taken <- q.take(canceled, 50000) }()
		go func() { put <- q.put(canceled, entry{payload: make([]byte, 3000)}) }()
		synctest.Wait()
		assert.Empty(t, taken)
		cancel()
		assert.Empty(t, <-taken)
		assert.ErrorIs(t, <-put, context.Canceled)

		require.NoError(t, q.put(ctx, of(4)))
		q.close()
		assert.Equal(t, []int{4}, pids(q.take(ctx, 50000)), "closed, but not empty")
		assert.Nil(t, q.take(ctx, 50000))
		require.NoError(t, q.put(ctx, of(5)))
		held := q.held()
		events, points := q.discard()
		assert.Equal(t, []int{1, 10}, []int{events, points})
		assert.Equal(t, held-1000, q.held())
		events, points = q.discard()
		assert.Equal(t, []int{0, 0}, []int{events, points})
	})
}
