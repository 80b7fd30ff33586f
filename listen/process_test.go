// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pid is that of one process, then of nobody, then of another one.
func TestPolledProcessWhosePIDIsReused(t *testing.T) {
	const boot = 1000 * time.Second
	at := func(seconds float64) int64 { return int64(boot) + int64(seconds*float64(time.Second)) }
	for _, tt := range []struct {
		name string
		// The process "old" runs from -10 s on. It wrote an event at 0, which was
		// read at 0.
		ends    float64 // when it ends
		polled  float64 // when that is noticed, 0 for not
		reused  float64 // when "new" starts with the same pid, 0 for not
		newEnds float64 // when that ends, 0 for not
		written float64 // an event with that pid
		read    float64
		want    string // "" for unknown
	}{
		{name: "still running", written: 5, read: 5.2, want: "old"},
		{name: "ended, but /proc was read just before", ends: 0.05, written: 0.06, read: 0.08, want: "old"},
		{name: "ended some time after /proc was read", ends: 0.05, polled: 0.2, written: 0.3, read: 0.4},
		{name: "ended after it wrote", ends: 5, written: 4.9, read: 5.2, want: "old"},
		{name: "ended long before its event is read", ends: 5, polled: 5.5, written: 4.9, read: 600, want: "old"},
		{name: "reused and ended before a read", ends: 5, polled: 5.5, reused: 6, newEnds: 7, written: 6.9, read: 7.1},
		{name: "reused, and the new one runs", ends: 5, polled: 5.5, reused: 6, written: 6.9, read: 7.1, want: "new"},
		{name: "reused without having been noticed", ends: 5, reused: 6, written: 6.1, read: 6.2, want: "new"},
		{name: "written by the old, read when the new runs", ends: 5, reused: 6, written: 4.9, read: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sys := newFakeSystem(0)
			p := polledProcesses{sys: sys, maxAge: identityAge}
			state := func(seconds float64) {
				sys.clock = at(seconds)
				delete(sys.names, 7)
				switch {
				case tt.reused > 0 && seconds >= tt.reused:
					if tt.newEnds == 0 || seconds < tt.newEnds {
						sys.names[7], sys.starts[7] = "new", time.Duration(at(tt.reused))
					}
				case tt.ends == 0 || seconds < tt.ends:
					sys.names[7], sys.starts[7] = "old", time.Duration(at(-10))
				}
			}
			state(0)
			require.Equal(t, process{"old", time.Duration(at(-10))}, p.at(7, at(0)))
			if tt.polled > 0 {
				state(tt.polled)
				p.poll()
			}
			state(tt.read)
			want := map[string]process{
				"old": {"old", time.Duration(at(-10))}, "new": {"new", time.Duration(at(tt.reused))},
			}[tt.want]
			assert.Equal(t, want, p.at(7, at(tt.written)))
		})
	}
}

func TestPolledProcesses(t *testing.T) {
	sys := newFakeSystem(0)
	sys.clock, sys.names[7], sys.starts[7] = int64(time.Minute), "shop", time.Second
	p := polledProcesses{sys: sys, maxAge: nameAge}
	assert.Zero(t, p.at(0, sys.clock), "another pid namespace")
	assert.Zero(t, p.at(-1, sys.clock))
	assert.Zero(t, p.at(7, int64(time.Second)-1), "it started later")
	now := sys.clock
	for range 10 {
		assert.Equal(t, process{"shop", time.Second}, p.at(7, now))
		assert.Zero(t, p.at(8, now))
	}
	assert.Equal(t, []int{7, 8}, sys.lookups, "that nobody is there is remembered, too")
	sys.names[7] = "renamed"
	sys.clock += nameAge
	assert.Equal(t, "renamed", p.at(7, sys.clock).name)
}

// A start counts suspends, and the time of an event does not: a later suspend
// does not make a process older.
func TestPolledProcessAndSuspends(t *testing.T) {
	sys := newFakeSystem(0)
	sys.slept.Store(int64(10 * time.Second))
	sys.clock, sys.names[7], sys.starts[7] = int64(time.Minute), "shop", 15*time.Second
	p := polledProcesses{sys: sys, maxAge: nameAge}
	for range 2 {
		assert.Equal(t, process{"shop", 15 * time.Second}, p.at(7, int64(5*time.Second)))
		assert.Zero(t, p.at(7, int64(5*time.Second)-1), "written before it started")
		sys.slept.Add(int64(time.Hour))
	}
}

func TestPolledProcessesAreBounded(t *testing.T) {
	sys := newFakeSystem(0)
	p := polledProcesses{sys: sys, maxAge: identityAge}
	for pid := 1; pid <= maxPolled; pid++ {
		p.remember(pid, &polledProcess{ended: pid != 3})
	}
	p.at(maxPolled+1, sys.clock)
	assert.Len(t, p.known, 2, "those that have ended are forgotten")
	for pid := range maxPolled {
		p.remember(pid+1, &polledProcess{})
		require.LessOrEqual(t, len(p.known), maxPolled)
	}
}
