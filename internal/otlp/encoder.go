// SPDX-License-Identifier: Apache-2.0

// Package otlp converts the SDK's metricdata to OTLP messages, protobuf on the wire, each small enough for one event.
package otlp

import (
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

const (
	// Headroom is the room, in bytes, that is kept free in front of every message, so that an event can be written
	// without copying: for the index of the registration (u32) and the event's fixed fields, u32 protocol, char[8]
	// version and u32 rel_loc.
	Headroom = 20

	// MaxMessageSize is the largest OTLP message, in bytes, that the kernel hands to perf: with the fixed fields (16)
	// and the header of the trace entry (8) it fills PERF_MAX_TRACE_SIZE (8192). The kernel takes larger writes and
	// loses them.
	MaxMessageSize = 8168

	// MinMessageSize is the smallest limit, in bytes, that an Encoder accepts.
	MinMessageSize = 512
)

// Encoder writes metrics as OTLP messages, field for field what the OpenTelemetry OTLP exporter for Go sends, but for
// this:
//
//   - invalid UTF-8 in any string becomes U+FFFD, one for each run of invalid bytes; the OTLP exporter fails to send
//     anything then,
//   - metrics without data points and scopes without metrics are left out,
//   - slices and maps in attribute values are nested at most [MaxNesting] deep.
//
// An Encoder holds about 16 KiB, whatever it encodes. It allocates only for slices and maps in attribute values, which
// the API hands out as copies, for invalid UTF-8, and for reporting what was dropped.
type Encoder struct {
	limit int
	buf   []byte // Headroom, then the message

	headers     headers
	resource    *resource.Resource // whose header is encoded; resources do not change
	hasResource bool

	message message
	runs    []run // whose data points are in message, in order
	running bool  // the last of runs is of the metric that is being encoded

	// What follows belongs to one export.
	metrics       *metricdata.ResourceMetrics
	sink          Sink
	scope, metric int           // indices of the metric that is being encoded
	headerErrors  [levels]error // see headersTooLarge
	stopped       error         // what the sink has ended the export with
	result        Result
	dropKeys      []dropKey // of result.Dropped
}

// run is a number of neighbouring data points of one metric in one message.
type run struct {
	scope, metric int // indices
	points        int
	exemplars     int // left out of them
	withExemplars int // bytes that the first point without its exemplars would take with them
}

// NewEncoder returns an Encoder for messages of at most limit bytes. It panics if limit is not within MinMessageSize
// and MaxMessageSize.
func NewEncoder(limit int) *Encoder {
	if limit < MinMessageSize || limit > MaxMessageSize {
		panic(fmt.Sprintf("otlp: limit of %d bytes is not within %d and %d", limit, MinMessageSize, MaxMessageSize))
	}
	e := &Encoder{limit: limit, buf: make([]byte, Headroom+bufferSize), headers: newHeaders()}
	e.message.w.buf = e.buf[Headroom:]
	e.message.pointLength = shortLength
	e.setInPlace(InPlace())
	return e
}

// setInPlace says whether attributes are read where they lie.
func (e *Encoder) setInPlace(yes bool) {
	e.headers.w.inPlace, e.message.w.inPlace = yes, yes
}

// Encode writes every data point of rm exactly once and in order, as many as fit into each message. Each message is
// complete in itself: it repeats the resource, scopes and metrics of its points. Data points are never split.
//
// A point that with its headers takes more than the limit is written alone, in a message of up to MaxMessageSize bytes.
// Beyond that its exemplars are left out, and beyond that it is dropped.
//
// Encode must not be called concurrently.
func (e *Encoder) Encode(rm *metricdata.ResourceMetrics, sink Sink) Result {
	if rm == nil {
		return Result{}
	}
	e.metrics, e.sink = rm, sink
	defer e.forget()

	if !e.hasResource || e.resource != rm.Resource {
		e.headers.setResource(rm.Resource)
		e.resource, e.hasResource = rm.Resource, true
	}
	for e.scope = range rm.ScopeMetrics {
		e.encodeScope(&rm.ScopeMetrics[e.scope])
	}
	e.flush()
	return e.result
}

// forget lets go of everything that belongs to an export and its caller.
func (e *Encoder) forget() {
	e.metrics, e.sink, e.stopped, e.result = nil, nil, nil, Result{}
	e.headerErrors = [levels]error{}
	clear(e.dropKeys)
	e.dropKeys = e.dropKeys[:0]
	e.message.reset()
	e.runs, e.running = e.runs[:0], false
}

func (e *Encoder) encodeScope(scope *metricdata.ScopeMetrics) {
	started := false
	for e.metric = range scope.Metrics {
		metric := &scope.Metrics[e.metric]
		a, err := inspect(metric.Data)
		switch {
		case err != nil:
			e.drop(e.key(ErrUnsupported), a.points, 0, func() error { return err })
		case a.points == 0:
		case e.stopped != nil:
			e.drop(e.key(e.stopped), a.points, 0, e.stopReason)
		default:
			if !started {
				started = true
				e.message.close(levelScope)
				e.headers.setScope(&scope.Scope)
				e.headerErrors[levelScope] = nil
			}
			e.encodeMetric(metric, a)
		}
	}
}

func (e *Encoder) encodeMetric(metric *metricdata.Metrics, a aggregation) {
	e.running = false
	e.message.close(levelMetric)
	e.headers.setMetric(metric, a)
	e.headerErrors[levelMetric], e.headerErrors[levelData] = nil, nil
	if l, full := e.headers.full(); full {
		e.drop(e.key(ErrTooLarge), a.points, 0, func() error { return e.headersTooLarge(l) })
		return
	}
	for i := range a.points {
		if e.stopped != nil {
			e.drop(e.key(e.stopped), a.points-i, 0, e.stopReason)
			return
		}
		e.encodePoint(pointAt(metric.Data, i))
	}
}

// encodePoint puts p into the open message if it fits, else into a new one.
func (e *Encoder) encodePoint(p dataPoint) {
	before := e.message.position()
	size := e.message.append(&e.headers, p, true)
	if e.message.fits(e.limit) {
		e.count(0, 0)
		return
	}

	// Exemplars go first, since without them the point may still fit into the open message.
	alone := e.headers.messageSize(levelData, size)
	withExemplars, leftOut := alone, 0
	if alone > MaxMessageSize && p.exemplars() > 0 {
		leftOut = p.exemplars()
		e.message.rewind(before)
		size = e.message.append(&e.headers, p, false)
		if e.message.fits(e.limit) {
			e.count(leftOut, withExemplars)
			return
		}
		alone = e.headers.messageSize(levelData, size)
	}
	e.message.rewind(before)
	if alone > MaxMessageSize {
		e.drop(e.key(ErrTooLarge), 1, 0, func() error { return e.pointTooLarge(p, size) })
		return
	}

	e.flush()
	if e.stopped != nil {
		e.drop(e.key(e.stopped), 1, 0, e.stopReason)
		return
	}
	// Above the limit this fills the message, since the next data point finds that it does not fit.
	e.message.append(&e.headers, p, leftOut == 0)
	e.count(leftOut, withExemplars)
}

// count notes that a data point of the current metric has come into the message.
func (e *Encoder) count(leftOut, withExemplars int) {
	if !e.running {
		e.running = true
		e.runs = append(e.runs, run{scope: e.scope, metric: e.metric})
	}
	e.message.points++
	r := &e.runs[len(e.runs)-1]
	r.points++
	if leftOut > 0 {
		r.exemplars += leftOut
		if r.withExemplars == 0 {
			r.withExemplars = withExemplars
		}
	}
}

// flush hands the message to the sink, if there is a data point in it, and starts a new one.
func (e *Encoder) flush() {
	if e.message.points == 0 {
		e.message.reset()
		return
	}
	e.message.close(levelResource)
	size, points := e.message.w.n, e.message.points
	err := e.sink.Write(e.buf[:Headroom+size], points)
	if err == nil {
		e.result.Messages++
		e.result.Points += points
		e.result.Bytes += int64(size)
		if size > e.limit {
			e.result.Oversize += points
		}
	}
	for i := range e.runs {
		e.settle(&e.runs[i], err)
	}
	e.runs, e.running = e.runs[:0], false
	e.message.reset()

	if err != nil && endsExport(err) {
		e.stopped = err
	}
}

// settle accounts for the data points of r after the sink has returned err for their message.
func (e *Encoder) settle(r *run, err error) {
	if err != nil {
		e.drop(dropKey{r.scope, r.metric, err}, r.points, 0, func() error { return err })
		return
	}
	if r.exemplars > 0 {
		e.drop(dropKey{r.scope, r.metric, ErrExemplarsLeftOut}, 0, r.exemplars, func() error {
			return fmt.Errorf(
				"%w: a data point takes %d bytes with them, at most %d fit",
				ErrExemplarsLeftOut,
				r.withExemplars,
				MaxMessageSize,
			)
		})
	}
}

func (e *Encoder) key(reason error) dropKey { return dropKey{e.scope, e.metric, reason} }

func (e *Encoder) stopReason() error { return e.stopped }
