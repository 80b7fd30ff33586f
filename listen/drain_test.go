// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// drained collects what Drain yields, and its error.
func drained(ctx context.Context, l *Listener) (got []string, err error) {
	for ev, e := range l.Drain(ctx) {
		if e != nil {
			return got, e
		}
		got = append(got, string(ev.Payload))
	}
	return got, nil
}

func TestDrain(t *testing.T) {
	sys := newFakeSystem(0, 1)
	l := sys.listenTo(t, Options{PIDs: []int{7}})
	for i := range 4 {
		sys.write(i%2, 7, rawOTLP(447, fmt.Sprint(i)))
		sys.write(i%2, 8, rawOTLP(447, "of another process"))
	}
	assert.Equal(t, uint64(8), l.Stats().Total().Unread)
	got, err := drained(context.Background(), l)
	require.NoError(t, err)
	assert.Equal(t, []string{"0", "1", "2", "3"}, got)
	total := l.Stats().Total()
	assert.Equal(t, uint64(8), total.Written)
	assert.Equal(t, uint64(8), total.Received)
	assert.Equal(t, uint64(4), total.Filtered)
	assert.Zero(t, total.Unread)
	require.ErrorIs(t, l.Read(context.Background(), &Event{}), ErrClosed)
	got, err = drained(context.Background(), l)
	require.NoError(t, err)
	assert.Empty(t, got, "nothing is left")
}

func TestDrainEndsWithItsContext(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	for i := range 3 {
		sys.write(0, 7, rawOTLP(447, fmt.Sprint(i)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	for ev, err := range l.Drain(ctx) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			assert.Nil(t, ev)
			break
		}
		cancel()
	}
	cancel()
	assert.Equal(t, uint64(2), l.Stats().Total().Unread)
	for range l.Drain(context.Background()) {
		break
	}
	require.NoError(t, l.Close())
	assert.Equal(t, uint64(1), l.Stats().Total().Unread)
	_, err := drained(context.Background(), l)
	require.ErrorIs(t, err, ErrClosed)
}

func TestDrainEndsReads(t *testing.T) {
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{})
	done := make(chan error)
	go func() { done <- l.Read(context.Background(), &Event{}) }()
	until(t, func() bool { return sys.waiters[0].waits.Load() > 0 })
	_, err := drained(context.Background(), l)
	require.NoError(t, err)
	require.ErrorIs(t, <-done, ErrClosed)
}

func TestFilterByProcessName(t *testing.T) {
	sys := newFakeSystem(0)
	sys.names = map[int]string{7: "shop", 8: "shop-worker", 9: "other"}
	l := sys.listenTo(t, Options{ProcessNames: []string{"shop-*", "?ther"}, PIDs: []int{7, 8, 0, 6}})
	for _, pid := range []int{6, 7, 8, 9, 0} {
		sys.write(0, pid, rawOTLP(447, fmt.Sprint("of ", pid)))
	}
	got, err := drained(context.Background(), l)
	require.NoError(t, err)
	assert.Equal(t, []string{"of 8"}, got)
	total := l.Stats().Total()
	assert.Equal(t, uint64(2), total.Filtered)
	assert.Equal(t, uint64(2), total.Unnamed, "6 has ended, 0 is of another pid namespace")
	assert.Equal(t, uint64(5), total.Received)
}
