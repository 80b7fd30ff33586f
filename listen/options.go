// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

// DefaultTracepointName is the tracepoint that exporters of OTLP metrics write
// to by default.
const DefaultTracepointName = tracefs.DefaultTracepointName

// The bounds of [Options].RingSize, in bytes.
const (
	// MinRingSize is also what the listener shrinks rings to where the machine
	// forbids locking more memory. The largest record has 8240 bytes, so a ring
	// of this size holds three of them.
	MinRingSize = 32 << 10
	// MaxRingSize keeps sums of ring sizes and offsets far from overflowing.
	MaxRingSize = 1 << 30
)

const (
	defaultMaxFormats = 16
	maxMaxFormats     = 1024
	defaultMaxEvents  = 256
	maxMaxEvents      = 4096
	defaultMaxDelay   = time.Second
	minMaxDelay       = 10 * time.Millisecond
	maxMaxDelay       = time.Minute
)

// Options says what to listen to. The zero value listens to otlp_metrics of
// all processes.
type Options struct {
	// Names are the tracepoints of OTLP metrics to listen to: see
	// [CheckTracepointName]. Default: otlp_metrics, unless there are Events.
	Names []string
	// Events are the tracepoints of other events to listen to, those in Names
	// excepted: the name of one of user events, or a pattern for several, in
	// which * stands for any bytes and ? for one ("MyProvider_L*"), or the
	// name of any other in full, with its system ("sched:sched_process_exec").
	// See [CheckEvents]. What matches a pattern is found within a second after
	// it was registered; until then its writer finds it disabled.
	//
	// Their layout is LayoutEventHeader or LayoutAny. Names in full of
	// EventHeader tracepoints ("MyProvider_L4K1", see [EventHeaderNames]) are
	// registered if missing, as Register says.
	Events []string
	// MaxEvents is how many tracepoints of Events are listened to at once, 1 to
	// 4096. Names in full come first and keep their slots. [Info].Refused are
	// those for which there is none. Each takes a file descriptor per CPU, and
	// any process that can write events can make thousands. Default: 256.
	MaxEvents int
	// Layout is what the listener registers Names as where they do not exist
	// yet: LayoutOTLP or LayoutFieldless. Default: LayoutOTLP.
	Layout Layout
	// Register is whether it registers those that do not exist yet. Default:
	// RegisterIfMissing.
	Register Register
	// RingSize is the memory of each CPU's ring in bytes: a power of two from
	// MinRingSize (and one page) to MaxRingSize. It is locked memory. If it is
	// not allowed, Open fails.
	//
	// Default (0): 4 MiB, but at most 128 MiB for all CPUs, and not below
	// 256 KiB; where the machine does not allow that much, half of it and so
	// on down to MinRingSize. [Info] says what it became.
	RingSize int
	// PIDs, if not empty, are the processes (thread group ids) whose events
	// are wanted. Those of others are read and thrown away. 0 stands for all
	// processes outside the listener's pid namespace.
	PIDs []int
	// ProcessNames, if not empty, are patterns for the names of processes (the
	// kernel's comm, at most 15 bytes) whose events are wanted: * stands for
	// any bytes, ? for one. One pattern must match, and PIDs too if both are
	// set. It implies Processes. Events of a process whose name is not known,
	// and of those outside the listener's pid namespace, are thrown away and
	// counted in [CPUStats].Unnamed.
	ProcessNames []string
	// Processes is whether to know each process that writes, by its name and
	// start ([Event].Process, ProcessStart), also one that ends at once, and
	// never to take it for another one that has or had its pid. For that, the
	// listener reads the kernel's records of all forks, names and ends of
	// processes in its pid namespace. They have a ring of at most 256 KiB per
	// CPU (16 MiB in all) of their own. Where the machine does not allow that
	// ([Info].ProcessErr), or records were lost, what /proc still says is used.
	Processes bool
	// MaxFormats is how many multi-format tracepoints of each of Names are listened
	// to at once, 1 to 1024. Each takes a file descriptor per CPU, and any
	// process that can write events can make thousands. Default: 16.
	MaxFormats int
	// MaxDelay is how long an event may lie in its ring before it is
	// delivered, 10 ms to 1 minute. A quarter of a ring (at most 64 KiB) is
	// delivered at once. An idle listener wakes up as often, and at least once
	// a second, to poll for CPUs and tracepoints. Default: 1 second.
	MaxDelay time.Duration
	// OnGap, if not nil, is called with each gap that has ended: from within
	// Read or Drain, before the first event after the gap, never concurrently.
	// It must not call Read, Drain or Close. [CPUStats] counts gaps too, those
	// included that have not ended.
	OnGap func(Gap)
	// OnFinding, if not nil, is called with each of Info.Findings when it is new
	// or has changed: from within Read or Drain, at the first call and then at
	// most once a second, never concurrently. It must not call Read, Drain or
	// Close.
	OnFinding func(Finding)
	// DataFile is the path of user_events_data. Default: where tracefs is
	// mounted.
	DataFile string
	// Clock replaces the clocks by which Event.Time is made from
	// Event.Monotonic. It may be called concurrently. Default: the system's.
	Clock Clock
}

// OptionError is an option with a value that it cannot have. It matches
// [ErrInvalidOption].
type OptionError struct {
	// Field is the name of the field of Options.
	Field string
	// Value is what is wrong: the field's value, or the element of it.
	Value any
	// Reason says what is allowed: "must not be negative".
	Reason string
}

// Error says which option is wrong, its value, and what is allowed.
func (e *OptionError) Error() string {
	return fmt.Sprintf("listen: %v %s: %s: %s", ErrInvalidOption, e.Field, e.ValueText(), e.Reason)
}

// ValueText is the value as text, strings quoted.
func (e *OptionError) ValueText() string {
	if s, ok := e.Value.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(e.Value)
}

// Is reports whether target is ErrInvalidOption.
func (e *OptionError) Is(target error) bool { return target == ErrInvalidOption }

// CheckTracepointName returns an error that says what is allowed if name
// cannot be that of a tracepoint: [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes.
func CheckTracepointName(name string) error { return tracefs.CheckName(name) }

// CheckEvents returns an error that says what is allowed if pattern cannot be
// one of [Options].Events.
func CheckEvents(pattern string) error {
	_, err := parseEvents(pattern)
	return err
}

func parseEvents(pattern string) (names.Pattern, error) {
	p, err := names.Parse(pattern)
	if err == nil && !p.OfUserEvents() && !p.IsLiteral() {
		err = errors.New("outside user_events a tracepoint must be named in full, as system:name without * and ?")
	}
	return p, err
}

// EventHeaderNames returns the names of a provider's EventHeader tracepoints, of
// all levels from 1 (critical) to level with each of the keywords, for
// [Options].Events: a listener registers those, so that it need not find them.
func EventHeaderNames(provider string, level eventheader.Level, keywords ...uint64) []string {
	var all []string
	for l := range level {
		for _, keyword := range keywords {
			all = append(all, eventheader.Name{Provider: provider, Level: l + 1, Keyword: keyword}.String())
		}
	}
	return all
}

// Validate returns an error for everything that is wrong with the options:
// an [*OptionError] for each, joined.
func (o Options) Validate() error {
	var errs []error
	wrong := func(field string, value any, format string, args ...any) {
		errs = append(errs, &OptionError{field, value, fmt.Sprintf(format, args...)})
	}
	for i, name := range o.Names {
		if err := CheckTracepointName(name); err != nil {
			wrong("Names", name, "%v", err)
		} else if slices.Contains(o.Names[:i], name) {
			wrong("Names", name, "duplicate name")
		}
	}
	inFull := 0
	for i, pattern := range o.Events {
		p, err := parseEvents(pattern)
		if err != nil {
			wrong("Events", pattern, "%v", err)
		} else if slices.Contains(o.Events[:i], pattern) {
			wrong("Events", pattern, "duplicate name")
		} else if p.IsLiteral() {
			inFull++
		}
	}
	if o.MaxEvents < 0 || o.MaxEvents > maxMaxEvents {
		wrong("MaxEvents", o.MaxEvents, "must be 1 to %d, or 0 for the default", maxMaxEvents)
	} else if most := cmp.Or(o.MaxEvents, defaultMaxEvents); inFull > most {
		wrong("MaxEvents", most, "must be at least the number of names in full in Events, %d", inFull)
	}
	if _, ok := enumName(metricLayoutNames, o.Layout); !ok {
		wrong("Layout", o.Layout, "must be %s", alternatives(metricLayoutNames))
	}
	if _, ok := enumName(registerNames, o.Register); !ok {
		wrong("Register", o.Register, "must be %s", alternatives(registerNames))
	}
	if page := os.Getpagesize(); o.RingSize != 0 && !validRingSize(o.RingSize, page) {
		wrong("RingSize", o.RingSize, "must be a power of two from %d to %d, or 0 for the default",
			max(MinRingSize, page), MaxRingSize)
	}
	for _, pid := range o.PIDs {
		if pid < 0 {
			wrong("PIDs", pid, "must not be negative")
		}
	}
	for _, pattern := range o.ProcessNames {
		if pattern == "" {
			wrong("ProcessNames", pattern, "must not be empty")
		}
	}
	if o.MaxFormats < 0 || o.MaxFormats > maxMaxFormats {
		wrong("MaxFormats", o.MaxFormats, "must be 1 to %d, or 0 for the default", maxMaxFormats)
	}
	if o.MaxDelay != 0 && (o.MaxDelay < minMaxDelay || o.MaxDelay > maxMaxDelay) {
		wrong("MaxDelay", o.MaxDelay, "must be %v to %v, or 0 for the default", minMaxDelay, maxMaxDelay)
	}
	return errors.Join(errs...)
}

// withDefaults returns valid options, with defaults in place of zero values.
func (o Options) withDefaults() (Options, error) {
	if err := o.Validate(); err != nil {
		return o, err
	}
	o.Names = slices.Clone(o.Names)
	o.PIDs = slices.Clone(o.PIDs)
	o.ProcessNames = slices.Clone(o.ProcessNames)
	o.Events = slices.Clone(o.Events)
	if len(o.Names) == 0 && len(o.Events) == 0 {
		o.Names = []string{DefaultTracepointName}
	}
	if o.MaxFormats == 0 {
		o.MaxFormats = defaultMaxFormats
	}
	o.MaxEvents = cmp.Or(o.MaxEvents, defaultMaxEvents)
	if o.MaxDelay == 0 {
		o.MaxDelay = defaultMaxDelay
	}
	return o, nil
}
