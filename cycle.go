// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// errListenerLeft ends a cycle. It is nobody's failure, and no caller sees it.
var errListenerLeft = errors.New("the last listener left")

// cycle is one Export while somebody listens: it takes the finished messages from the encoder and writes them to the
// kernel.
type cycle struct {
	ctx        context.Context
	tracepoint registration
	connection *atomic.Pointer[connection] // the exporter's; nil in it once the exporter has let go of tracepoint
	pacer      *tracepoint.Pacer
	counters   *counters

	data   *metricdata.ResourceMetrics
	points int // data points written
	bytes  int // bytes written

	stopped error // what cut the cycle short
	lost    bool  // the descriptor, which somebody else has closed
}

var _ otlp.Sink = (*cycle)(nil)

// Write writes one message: an event with the fixed fields in front.
func (c *cycle) Write(buf []byte, points int) error {
	size := len(buf) - otlp.Headroom
	if err := c.ready(size); err != nil {
		return c.stop(err)
	}
	putFixedFields(buf, size)
	if err := c.tracepoint.Write(buf); err != nil {
		if errors.Is(err, tracepoint.ErrClosed) {
			return c.stop(sdkmetric.ErrExporterShutdown)
		}
		if errors.Is(err, tracepoint.ErrLost) {
			c.lost = true
			return c.stop(err)
		}
		// No second attempt: after EFAULT one listener may have the event already while another has not.
		return err
	}
	c.points += points
	c.bytes += size
	c.pacer.Wrote(size)
	if size > ftraceMax {
		c.counters.beyondFtrace.Add(1)
	}
	return nil
}

// ready waits until a message of size bytes may be written. An error ends the cycle.
func (c *cycle) ready(size int) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.pacer.Due(size) {
		if err := c.pacer.Wait(c.ctx, c.rest()); err != nil {
			return err
		}
	}
	// The kernel takes a write without a listener for a success, so this is the moment to notice.
	if c.tracepoint.Enabled() {
		return nil
	}
	if c.connection.Load() == nil {
		// A Shutdown that could not wait: what is not written is lost to a listener who may well be there.
		return sdkmetric.ErrExporterShutdown
	}
	return errListenerLeft
}

func (c *cycle) stop(err error) error {
	c.stopped = err
	return otlp.Stop(err)
}

var ftraceMax = ftraceMaxMessageSize()

// rest estimates how many bytes are still to be written, by what the data points took so far.
func (c *cycle) rest() int {
	if c.points == 0 {
		return 0
	}
	return c.bytes / c.points * (otlp.CountPoints(c.data) - c.points)
}

// version of OTLP, as every exporter to this tracepoint states it.
const otlpVersion = "v0.19.00"

// putFixedFields fills the room in front of a message of size bytes, after the backend's: u32 protocol, char[8] version,
// and the __rel_loc word of the buffer, which holds its length in the upper and its offset from the end of this word in the
// lower half.
func putFixedFields(buf []byte, size int) {
	const protobuf = 0
	fields := buf[tracepoint.IndexSize:otlp.Headroom]
	binary.NativeEndian.PutUint32(fields[0:], protobuf)
	copy(fields[4:12], otlpVersion)
	binary.NativeEndian.PutUint32(fields[12:], uint32(size)<<16)
}
