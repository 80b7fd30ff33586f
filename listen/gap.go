// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"slices"
	"time"
)

// Gap is a time in which events on a CPU could be written that the listener
// cannot have and the kernel counts nowhere: the CPU had no ring, because it
// came online, or went and came back.
type Gap struct {
	CPU int
	// From is the last moment at which nothing can have been lost: the CPU's
	// ring was alive still, or the CPU was offline.
	From time.Time
	// To is when the CPU had a ring again, or was offline again.
	To time.Time
}

// tellGaps calls Options.OnGap. It must be called without a lock that a method
// takes which may be called from there.
func (l *Listener) tellGaps() {
	if l.opts.OnGap != nil {
		for _, g := range l.gaps {
			l.opts.OnGap(g)
		}
	}
	l.gaps = l.gaps[:0]
}

// tellFindings calls Options.OnFinding with those that are new.
func (l *Listener) tellFindings() {
	if l.opts.OnFinding == nil || !l.findingsDue {
		return
	}
	l.findingsDue = false
	var held []string
	for _, f := range l.Info().Findings() {
		text := f.String()
		if !slices.Contains(l.findings, text) {
			l.opts.OnFinding(f)
		}
		held = append(held, text)
	}
	l.findings = held
}

// closeGap ends the gap that a CPU is in, and counts it.
func (l *Listener) closeGap(c *cpuState, now int64) Gap {
	c.inGap = false
	c.gaps++
	c.gapTime += now - c.covered
	g := Gap{CPU: c.number, From: l.clock.at(c.covered), To: l.clock.at(now)}
	c.covered = now
	return g
}
