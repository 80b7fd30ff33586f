// SPDX-License-Identifier: Apache-2.0

package top

import "time"

// meterWindow is the time over which the rates of the status line are taken, so
// that a service which exports every second does not make them flicker.
const meterWindow = 5 * time.Second

// meter makes rates of counts.
type meter struct{ samples []sample }

// sample is what there was in all at a time.
type sample struct {
	at                    time.Duration
	events, points, bytes uint64
}

// rates are per second.
type rates struct{ events, points, bytes float64 }

// add takes a sample and returns the rates until then.
func (m *meter) add(s sample) rates {
	m.samples = append(m.samples, s)
	// The first one kept is at least the window old, where there is such a one.
	for len(m.samples) > 2 && s.at-m.samples[1].at >= meterWindow {
		m.samples = append(m.samples[:0], m.samples[1:]...)
	}
	first := m.samples[0]
	over := (s.at - first.at).Seconds()
	if over <= 0 {
		return rates{}
	}
	return rates{
		events: float64(s.events-first.events) / over,
		points: float64(s.points-first.points) / over,
		bytes:  float64(s.bytes-first.bytes) / over,
	}
}
