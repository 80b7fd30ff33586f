// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

const (
	defaultMaxMemory = 128 << 20
	minMaxMemory     = 1 << 20
)

// Options says what to read. The zero value reads all OTLP metrics that can be
// distinguished from other events.
type Options struct {
	// Names are the tracepoints wanted, as they were registered, such as
	// "otlp_metrics"; it stands for user_events_multi/otlp_metrics.1f as well.
	//
	// Default: otlp_metrics, and all others of user_events that have the
	// fields protocol, version and buffer, unless there are Events.
	Names []string
	// Events are other tracepoints wanted, those in Names excepted, as in
	// [listen.Options].Events; patterns may be for the kernel's tracepoints
	// too: "sched:*", or "*:*" for all there are.
	Events []string
	// Formats are texts of format files (such as
	// /sys/kernel/tracing/events/user_events/otlp_metrics/format on the machine
	// where it was recorded, if the event was not registered again since then).
	// They are for perf.data that was not finished and has none itself, and
	// count for those ids only that it does not describe.
	Formats []string
	// MaxMemory bounds the events that are held until those of other CPUs have
	// come, in bytes, at least 1 MiB. Default: 128 MiB. perf's rings on all
	// CPUs together are enough (512 KiB each by default, see perf record -m),
	// twice.
	MaxMemory int
}

// patterns are those of Events.
func (o Options) patterns() (all []names.Pattern, err error) {
	for _, text := range o.Events {
		p, err := names.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("perfdata: Events: %q: %w: %w", text, err, ErrInvalidOption)
		}
		all = append(all, p)
	}
	return all, nil
}

func (o Options) validate() (Options, []*tracefs.Format, error) {
	for _, name := range o.Names {
		if name == "" {
			return o, nil, fmt.Errorf("perfdata: Names: an empty name: %w", ErrInvalidOption)
		}
	}
	switch {
	case o.MaxMemory == 0:
		o.MaxMemory = defaultMaxMemory
	case o.MaxMemory < minMaxMemory:
		return o, nil, fmt.Errorf("perfdata: MaxMemory %d: at least %d bytes are needed: %w",
			o.MaxMemory, minMaxMemory, ErrInvalidOption)
	}
	var formats []*tracefs.Format
	for i, text := range o.Formats {
		f, err := tracefs.ParseFormat(text)
		if err != nil {
			return o, nil, fmt.Errorf("perfdata: Formats[%d]: %w: %w", i, err, ErrInvalidOption)
		}
		formats = append(formats, f)
	}
	return o, formats, nil
}
