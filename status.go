// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"sync/atomic"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// Status is what an exporter knows about itself. The counters start at 0 with [New].
type Status struct {
	// Backend names what the exporter writes through: "bundled" (C, a part of this package), "linuxtracepoints" (C,
	// Microsoft's library), "purego", or "none" where this build exports nothing.
	Backend string
	// Capabilities are what the backend can do that not every one can.
	Capabilities Capabilities
	// Tracepoint is the name of the tracepoint, without the "user_events:" in front.
	Tracepoint string
	// Registered: the tracepoint is registered with the kernel.
	Registered bool
	// Err is why it is not, with a hint, after the last attempt. It wraps errors.ErrUnsupported where this build
	// exports nothing, else an errno. After a Shutdown it is sdkmetric.ErrExporterShutdown.
	Err error
	// Enabled: somebody listens.
	Enabled bool

	// Cycles counts exports to listeners.
	Cycles uint64
	// Messages, Points and Bytes count what was written: events, data points, and bytes of OTLP.
	Messages, Points, Bytes uint64
	// DroppedPoints counts data points that were not written: the sum of those in all PartialErrors.
	DroppedPoints uint64
	// ExemplarsDropped counts exemplars that were left out of data points that were written.
	ExemplarsDropped uint64
	// OversizePoints counts data points that were written alone, in a message above the maximum message size.
	OversizePoints uint64
	// BeyondFtrace counts messages larger than ftrace can keep (the page size less 48 bytes): perf listeners have them,
	// ftrace listeners do not.
	BeyondFtrace uint64
}

// Capabilities are what one backend can do and another cannot.
type Capabilities struct {
	// HealsAfterFailedOpen: where user_events_data could not be opened at first, a later Export can still succeed.
	HealsAfterFailedOpen bool
	// CloseOnExec: processes that this one starts do not inherit the descriptor.
	CloseOnExec bool
	// PassedDescriptor: WithUserEventsFile, WithUserEventsPath and USEREVENTS_DATA_FILE work.
	PassedDescriptor bool
	// ClosesDescriptor: Shutdown closes the descriptor, and so removes a tracepoint that nobody else uses. Otherwise
	// both stay until the process ends, and only its restart helps where something else in it closes the descriptor.
	ClosesDescriptor bool
}

// counters are the counting part of a Status.
type counters struct {
	cycles, messages, points, bytes                               atomic.Uint64
	droppedPoints, exemplarsDropped, oversizePoints, beyondFtrace atomic.Uint64
}

func (c *counters) add(result otlp.Result) {
	c.messages.Add(uint64(result.Messages))
	c.points.Add(uint64(result.Points))
	c.bytes.Add(uint64(result.Bytes))
	c.droppedPoints.Add(uint64(result.DroppedPoints))
	c.exemplarsDropped.Add(uint64(result.ExemplarsDropped))
	c.oversizePoints.Add(uint64(result.Oversize))
}

func (c *counters) fill(s *Status) {
	s.Cycles = c.cycles.Load()
	s.Messages = c.messages.Load()
	s.Points = c.points.Load()
	s.Bytes = c.bytes.Load()
	s.DroppedPoints = c.droppedPoints.Load()
	s.ExemplarsDropped = c.exemplarsDropped.Load()
	s.OversizePoints = c.oversizePoints.Load()
	s.BeyondFtrace = c.beyondFtrace.Load()
}

const (
	// A reason that comes and goes, or that alternates with another, is not reported again for so long.
	reportAgainAfter = time.Hour
	// So many reasons are remembered; there are not many more.
	rememberedReasons = 16
)

// reports limits what is reported about not exporting: a reason that differs from the one before it, unless it was
// reported less than an hour ago. So each is reported once, and none floods the log, however often it comes back.
type reports struct {
	last     string               // "" while nothing is wrong
	reported map[string]time.Time // by reason
}

// due reports whether reason is to be reported now, and remembers that it is.
func (r *reports) due(reason string, now time.Time) bool {
	same := reason == r.last
	r.last = reason
	if same {
		return false
	}
	if before, known := r.reported[reason]; known && now.Sub(before) < reportAgainAfter {
		return false
	}
	if r.reported == nil {
		r.reported = make(map[string]time.Time)
	}
	if len(r.reported) >= rememberedReasons {
		r.forgetOldest()
	}
	r.reported[reason] = now
	return true
}

func (r *reports) forgetOldest() {
	var oldest string
	for reason, at := range r.reported {
		if oldest == "" || at.Before(r.reported[oldest]) {
			oldest = reason
		}
	}
	delete(r.reported, oldest)
}

// reset notes that nothing is wrong any more.
func (r *reports) reset() { r.last = "" }
