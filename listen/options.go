// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const (
	defaultMaxDelay = time.Second
	minMaxDelay     = 10 * time.Millisecond
	maxMaxDelay     = time.Minute
	maxNameLength   = 128 // bytes, as the exporter allows
)

// Options says what to listen to. The zero value listens to otlp_metrics of
// all processes.
type Options struct {
	// Names are the tracepoints to listen to, each [A-Za-z_][A-Za-z0-9_]* and
	// at most 128 bytes. Default: otlp_metrics.
	Names []string
	// Layout is what the listener registers the tracepoints as where they do
	// not exist yet. Default: LayoutOTLP.
	Layout Layout
	// RingSize is the memory of each CPU's ring in bytes: a power of two, at
	// least 32 KiB and one page, at most 1 GiB. It is locked memory. If it is
	// not allowed, Open fails.
	//
	// Default (0): 4 MiB, but at most 128 MiB for all CPUs, and not below
	// 256 KiB; where the machine does not allow that much, half of it and so
	// on down to 32 KiB. [Info] says what it became.
	RingSize int
	// PIDs, if not empty, are the processes (thread group ids) whose events
	// are wanted. Those of others are read and thrown away. 0 stands for all
	// processes outside the listener's pid namespace.
	PIDs []int
	// MaxDelay is how long an event may lie in its ring before it is
	// delivered, 10 ms to 1 minute. A quarter of a ring (at most 64 KiB) is
	// delivered at once. An idle listener wakes up as often, and at least once
	// a second, to look for CPUs and tracepoints. Default: 1 second.
	MaxDelay time.Duration
	// OnGap, if not nil, is told of each gap that has ended: from within Read,
	// before the first event that came after it, never twice at a time. It must
	// not call Read or Close. [CPUStats] counts gaps too, those included that
	// have not ended.
	OnGap func(Gap)
	// DataFile is the path of user_events_data where it is not to be looked
	// for. Default: the usual place, or wherever tracefs is mounted.
	DataFile string
	// Clock replaces the clocks by which Event.Time is made from
	// Event.Monotonic. It may be called concurrently. Default: the system's.
	Clock Clock
}

// withDefaults returns the options with defaults in place of zero values, and
// an error that names the first that is wrong.
func (o Options) withDefaults() (Options, error) {
	if len(o.Names) == 0 {
		o.Names = []string{tracefs.DefaultTracepointName}
	}
	o.Names = slices.Clone(o.Names)
	for i, name := range o.Names {
		if !validName(name) {
			return o, invalid("Names: %q: must be [A-Za-z_][A-Za-z0-9_]*, at most %d bytes", name, maxNameLength)
		}
		if slices.Contains(o.Names[:i], name) {
			return o, invalid("Names: %q: is there twice, must be there once", name)
		}
	}
	if o.Layout < LayoutOTLP || o.Layout > LayoutWait {
		return o, invalid("Layout: %v: must be LayoutOTLP, LayoutFieldless or LayoutWait", o.Layout)
	}
	if page := os.Getpagesize(); o.RingSize != 0 && !validRingSize(o.RingSize, page) {
		return o, invalid("RingSize: %d bytes: must be a power of two from %d to %d", o.RingSize, max(smallestRing, page), largestRing)
	}
	o.PIDs = slices.Clone(o.PIDs)
	for _, pid := range o.PIDs {
		if pid < 0 {
			return o, invalid("PIDs: %d: must not be negative", pid)
		}
	}
	switch {
	case o.MaxDelay == 0:
		o.MaxDelay = defaultMaxDelay
	case o.MaxDelay < minMaxDelay || o.MaxDelay > maxMaxDelay:
		return o, invalid("MaxDelay: %v: must be %v to %v", o.MaxDelay, minMaxDelay, maxMaxDelay)
	}
	return o, nil
}

// invalid makes the error of an option; format begins with its name.
func invalid(format string, args ...any) error {
	return fmt.Errorf("listen: %w "+format, append([]any{ErrInvalidOption}, args...)...)
}

func validName(s string) bool {
	if s == "" || len(s) > maxNameLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
