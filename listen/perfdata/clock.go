// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"encoding/binary"
	"fmt"
	"time"
)

// perfClock stands for no clockid: the kernel's sched_clock.
const perfClock = -1

const clockRealtime = 0

var clockNames = map[int32]string{
	perfClock:     "perf",
	clockRealtime: "CLOCK_REALTIME",
	1:             "CLOCK_MONOTONIC",
	4:             "CLOCK_MONOTONIC_RAW",
	7:             "CLOCK_BOOTTIME",
	11:            "CLOCK_TAI",
}

func clockName(clock int32) string {
	if name, ok := clockNames[clock]; ok {
		return name
	}
	return fmt.Sprintf("clockid %d", clock)
}

// clockData is a pair of clock readings made by perf record -k, in the feature
// CLOCK_DATA:
//
//	u32 version | u32 clockid | u64 wall clock | u64 that clock (nanoseconds)
type clockData struct {
	known bool
	clock int32
	wall  int64
	at    int64
}

const clockDataSize = 24

func parseClockData(b []byte, order binary.ByteOrder) clockData {
	if len(b) < clockDataSize || order.Uint32(b) != 1 {
		return clockData{}
	}
	return clockData{
		known: true,
		clock: int32(order.Uint32(b[4:])),
		wall:  int64(order.Uint64(b[8:])),
		at:    int64(order.Uint64(b[16:])),
	}
}

// maps reports whether times by that clock can be mapped to the wall clock.
func (c clockData) maps(clock int32) bool {
	return clock == clockRealtime || c.known && clock != perfClock && clock == c.clock
}

// wallTime is the time of the wall clock, or zero if it is not known.
func (c clockData) wallTime(clock int32, t uint64) time.Time {
	switch {
	case clock == clockRealtime:
		return time.Unix(0, int64(t))
	case c.maps(clock):
		return time.Unix(0, c.wall).Add(time.Duration(int64(t) - c.at))
	}
	return time.Time{}
}
