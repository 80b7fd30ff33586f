// SPDX-License-Identifier: Apache-2.0

package tracepoint

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSleep(t *testing.T) {
	require.NoError(t, Sleep(t.Context(), time.Microsecond))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Sleep(done, time.Hour), context.Canceled)
}

func TestPacer(t *testing.T) {
	var pauses []time.Duration
	p := Pacer{Burst: 100, Pause: time.Second, Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	for range 2 {
		p.Start()
		assert.False(t, p.Due(1000), "the first write of a run never waits")
		p.Wrote(60)
		assert.False(t, p.Due(40))
		assert.True(t, p.Due(41))
		require.NoError(t, p.Wait(t.Context(), 100))
		assert.False(t, p.Due(100))
		p.Wrote(100)
		assert.True(t, p.Due(1))
	}
	assert.Equal(t, []time.Duration{time.Second, time.Second}, pauses)

	off := Pacer{Burst: 0, Pause: time.Second}
	off.Wrote(1000)
	assert.False(t, off.Due(1000))
}
