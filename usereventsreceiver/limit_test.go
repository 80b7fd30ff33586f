// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLimits(t *testing.T) {
	begin := time.Unix(1000, 0)
	type event struct {
		at            time.Duration
		points, bytes int
		want          bool
	}
	for _, tt := range []struct {
		name   string
		config LimitConfig
		events []event
	}{
		{"points", LimitConfig{PointsPerSecond: 10, Burst: 2 * time.Second}, []event{
			{0, 15, 1 << 20, true}, {0, 6, 1, false}, {0, 5, 1, true}, {0, 1, 1, false},
			{time.Second, 10, 1, true}, {time.Second, 1, 1, false},
			{time.Hour, 20, 1, true}, {time.Hour, 1, 1, false},
		}},
		{"bytes", LimitConfig{BytesPerSecond: 100, Burst: time.Second}, []event{
			{0, 1 << 20, 60, true}, {0, 1, 60, false}, {0, 1, 40, true}, {time.Second, 1, 100, true},
		}},
		{"what one refuses is not taken from the other", LimitConfig{
			PointsPerSecond: 10, BytesPerSecond: 100, Burst: time.Second,
		}, []event{
			{0, 1, 90, true}, {0, 9, 20, false}, {0, 9, 10, true},
			{time.Second, 9, 10, true}, {time.Second, 2, 90, false}, {time.Second, 1, 90, true},
		}},
		{"an event that is larger than the burst", LimitConfig{PointsPerSecond: 1, Burst: time.Second}, []event{
			{0, 100, 1, true}, {time.Second / 2, 100, 1, false}, {time.Second, 100, 1, true},
		}},
		{"events without points", LimitConfig{PointsPerSecond: 1, Burst: time.Second}, []event{
			{0, 1, 1, true}, {0, 0, 1, true},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLimits(tt.config)
			for i, e := range tt.events {
				got := l.allow(processID{pid: 7}, begin.Add(e.at), e.points, e.bytes)
				assert.Equal(t, e.want, got, "event %d", i)
			}
			assert.True(t, l.allow(processID{pid: 8}, begin, 1, 1), "another process")
		})
	}
	assert.Nil(t, newLimits(LimitConfig{Burst: time.Second}))
}

func TestLimitsAreBounded(t *testing.T) {
	l := newLimits(LimitConfig{PointsPerSecond: 1, Burst: time.Second})
	for pid := range 2 * maxProcesses {
		l.allow(processID{pid: pid}, time.Unix(1000, 0), 1, 1)
	}
	assert.Equal(t, maxProcesses, l.known.Len())
}
