// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// paranoid tells what the sysctl says about users without capabilities.
func (d *doctor) paranoid() {
	const name = "perf_event_paranoid"
	v, err := readInt(d.host, "/proc/sys/kernel/perf_event_paranoid")
	if err != nil {
		d.add(name, Warn, fmt.Sprintf("not known: %v", err), "mount /proc")
		return
	}
	d.Facts.Paranoid = &v
	if v < 0 {
		d.ok(name, "%d: listening takes no capability", v)
		return
	}
	d.ok(name, "%d: listening takes CAP_PERFMON", v)
}

// What a listener asks for: see package listen.
const (
	maxRing       = 4 << 20   // bytes per CPU
	maxRings      = 128 << 20 // bytes for all CPUs
	leastWanted   = 256 << 10 // bytes per CPU
	smallestRing  = 32 << 10  // bytes per CPU
	defaultMlock  = 516       // KiB per CPU, kernel.perf_event_mlock_kb
	unlimited     = math.MaxInt
	bytesPerKiB   = 1 << 10
	limitsMemlock = "Max locked memory"
)

// memlock tells how large the rings can be: the kernel's rule is in perf_mmap,
// kernel/events/core.c.
func (d *doctor) memlock() {
	const name = "memlock"
	cpus := onlineCPUs(d.host)
	if cpus == 0 {
		d.add(name, Warn, "not known, as it is not known how many CPUs are online", "mount /sys")
		return
	}
	d.Facts.CPUs = cpus
	wanted := max(1<<(bits.Len(uint(min(maxRing, maxRings/cpus)))-1), leastWanted)
	d.Facts.WantedRing = wanted

	limit := memlockLimit(d.host)
	mlock, err := readInt(d.host, "/proc/sys/kernel/perf_event_mlock_kb")
	if err != nil {
		mlock = defaultMlock
	}
	why := fmt.Sprintf("%d KiB per CPU for all of this user's rings (kernel.perf_event_mlock_kb), and %s (RLIMIT_MEMLOCK)", mlock, size(limit))
	allowed := unlimited
	switch paranoid, err := readInt(d.host, "/proc/sys/kernel/perf_event_paranoid"); {
	case has(capabilities(d.host), capIPCLock):
		why = "CAP_IPC_LOCK"
	case err == nil && paranoid < 0:
		why = fmt.Sprintf("kernel.perf_event_paranoid is %d", paranoid)
	case limit != unlimited:
		allowed = mlock*bytesPerKiB*cpus + limit
	}
	ring := wanted
	for ring >= smallestRing && ring+d.host.PageSize() > allowed/cpus {
		ring /= 2
	}
	if ring < smallestRing {
		ring = 0
	}
	d.Facts.RingSize = ring
	cure := "raise the memlock limit (ulimit -l, LimitMEMLOCK= in the systemd unit) or the sysctl kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK"
	switch {
	case ring == wanted:
		d.ok(name, "rings of %s on %d CPUs: %s", size(ring), cpus, why)
	case ring > 0:
		d.add(name, Warn, fmt.Sprintf("rings of %s on %d CPUs instead of %s, so bursts may be lost: %s", size(ring), cpus, size(wanted), why), cure)
	default:
		d.add(name, Fail, fmt.Sprintf("not even rings of %s on %d CPUs: %s", size(smallestRing), cpus, why), cure)
	}
}

// memlockLimit is RLIMIT_MEMLOCK of this process in bytes.
func memlockLimit(h Host) int {
	b, _ := h.ReadFile("/proc/self/limits")
	for _, l := range strings.Split(string(b), "\n") {
		rest, ok := strings.CutPrefix(l, limitsMemlock)
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			break
		}
		if fields[0] == "unlimited" {
			return unlimited
		}
		if n, err := strconv.Atoi(fields[0]); err == nil {
			return n
		}
	}
	return 0
}

// size writes a number of bytes.
func size(n int) string {
	switch {
	case n == unlimited:
		return "unlimited"
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
