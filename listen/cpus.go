// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"strconv"
	"strings"
)

// maxCPU bounds what a list may make us allocate: NR_CPUS is 8192 at most.
const maxCPU = 1 << 16

// ParseCPUList reads a list of CPUs as in /sys/devices/system/cpu/online:
// numbers and ranges in ascending order, "0-3,8,10-11".
func ParseCPUList(s string) ([]int, error) {
	var cpus []int
	last := -1
	for _, part := range strings.Split(strings.TrimSpace(s), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		lo, err := parseCPU(from)
		if err != nil {
			return nil, err
		}
		hi, err := parseCPU(to)
		if err != nil {
			return nil, err
		}
		if lo <= last || hi < lo {
			return nil, fmt.Errorf("listen: CPU list %q: not in ascending order", s)
		}
		for c := lo; c <= hi; c++ {
			cpus = append(cpus, c)
		}
		last = hi
	}
	return cpus, nil
}

func parseCPU(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n >= maxCPU {
		return 0, fmt.Errorf("listen: CPU list: %q: not a CPU number", s)
	}
	return int(n), nil
}
