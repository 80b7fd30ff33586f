// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package listen

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// setOnline takes a CPU offline or online.
func setOnline(cpu int, online bool) error {
	state := "0"
	if online {
		state = "1"
	}
	return os.WriteFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", cpu), []byte(state), 0)
}

// switchCPU does so for a test, after which the CPU is online.
func switchCPU(t *testing.T, cpu int, online bool) {
	t.Helper()
	require.NoError(t, setOnline(cpu, online))
	t.Cleanup(func() { require.NoError(t, setOnline(cpu, true)) })
}

// A CPU goes and comes back, and a writer that is pinned to it goes on: its
// events arrive again, and each gap is told. Nothing is left of the rings that
// died.
func TestKernelCPUOfflineAndOnline(t *testing.T) {
	var gaps []Gap
	l := listenIn(t, Options{OnGap: func(g Gap) { gaps = append(gaps, g) }})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	on1 := func(s string) { require.NoError(t, runOn(1, func() error { return p.otlp(s) })) }
	on1("at first")
	assert.Equal(t, "at first", string(next(t, l).Payload))
	open, rings := descriptors(t), mappings(t)

	for round := range 5 {
		on1(fmt.Sprint("before ", round))
		switchCPU(t, 1, false)
		if round%2 == 0 { // or it comes back before anybody looked
			readUntil(t, l, func() bool { return len(l.Info().CPUs) == 1 })
			assert.Zero(t, l.Stats().CPUs[1].RingSize)
		}
		switchCPU(t, 1, true)
		back := time.Now()
		readUntil(t, l, func() bool { return len(gaps) > round })
		t.Logf("round %d: seen after %v, gap %v", round, time.Since(back), gaps[round].To.Sub(gaps[round].From))
		assert.Equal(t, 1, gaps[round].CPU)
		assert.True(t, gaps[round].From.Before(gaps[round].To))
		on1(fmt.Sprint("after ", round))
		assert.Equal(t, fmt.Sprint("after ", round), string(next(t, l).Payload))
	}
	assert.Equal(t, len(open), len(descriptors(t)), "%v", descriptors(t))
	assert.Equal(t, rings, mappings(t))
	c := l.Stats().CPUs[1]
	assert.Equal(t, uint64(5), c.Gaps)
	assert.Equal(t, uint64(11), c.Written)
	assert.Equal(t, uint64(11), c.Received)
	assert.NoError(t, c.Err)
	assert.Zero(t, l.Stats().CPUs[0].Gaps)
}
