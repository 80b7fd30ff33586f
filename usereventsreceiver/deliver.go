// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v7"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

const (
	// maxBatch is how much of what is available goes downstream in one call, in bytes of decoded metrics. Nothing waits
	// for more. A message mostly has 4 KiB, and a call for each would be a request for each where no batch processor
	// follows. The largest event takes less than this.
	maxBatch = 2 << 20
	// hurriedDelay bounds the delay between attempts while the receiver shuts down.
	hurriedDelay = 200 * time.Millisecond

	format = "protobuf"
)

// inFlight is how many data points the next consumer has been passed and has not answered for.
type inFlight struct {
	mu        sync.Mutex
	points    int
	abandoned bool
}

// set reports false if Shutdown no longer waits for an answer.
func (f *inFlight) set(points int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.points = points
	return !f.abandoned
}

// abandon returns how many data points are in flight, which nobody else counts then.
func (f *inFlight) abandon() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.abandoned = true
	return f.points
}

// deliverAll delivers batches until the queue is closed and empty, or the time for that is over.
func (r *metricsReceiver) deliverAll() {
	for {
		batch := r.queue.take(r.limit, maxBatch)
		if batch == nil {
			return
		}
		r.deliver(batch)
		r.queue.done(batch)
	}
}

// deliver passes on a batch, and returns when it was accepted or lost.
func (r *metricsReceiver) deliver(batch []entry) {
	metrics := r.decode(batch)
	points := metrics.DataPointCount()
	if points == 0 {
		return
	}
	if !r.inFlight.set(points) {
		r.telemetry.lostPoints(causePending, points)
		return
	}
	ctx := r.obs.StartMetricsOp(r.limit)
	lost, cause, err := r.consume(ctx, metrics, batch)
	if !r.inFlight.set(0) {
		return
	}
	r.obs.EndMetricsOp(ctx, format, points, err)
	if err != nil {
		r.telemetry.lostPoints(cause, lost)
		r.limited.Warn("data points lost because they were not accepted downstream",
			zap.Error(err), zap.String("cause", cause), zap.Int("data_points", lost))
	}
}

// decode decodes a batch for the first time, and accounts for what that shows.
func (r *metricsReceiver) decode(batch []entry) pmetric.Metrics {
	d := r.decoder.decode(batch)
	for i, at := range d.bad {
		r.undecodable(reasonPayload, &batch[at], d.errs[i])
	}
	missing := -d.metrics.DataPointCount()
	for i := range batch {
		missing += batch[i].points
	}
	if missing > 0 {
		r.telemetry.lostPoints(causeUndecodable, missing)
	}
	r.telemetry.add(r.telemetry.ReceiverUserEventsInstanceIdsNotAdded, d.withoutID)
	for claim, resources := range d.claims {
		r.telemetry.processClaims(claim, resources)
	}
	if e := d.foreign; e != nil {
		r.limited.Warn("resource claims a process.pid that is not its writer's", zap.String("tracepoint", e.tracepoint),
			zap.Int("pid", e.pid), zap.String("process", e.comm), zap.String("claimed_pid", d.claimed))
	}
	for temporality, points := range d.unspecified {
		r.telemetry.unspecifiedTemporality(temporality, points)
	}
	return d.metrics
}

// consume passes metrics on, and retries while they are refused but not permanently. Metrics belong to the next
// consumer once passed on, so each attempt decodes them again. With an error it returns the number of points that are
// lost and the cause.
func (r *metricsReceiver) consume(
	ctx context.Context, metrics pmetric.Metrics, batch []entry,
) (lost int, cause string, err error) {
	schedule := r.config.RetryOnFailure
	delays := backoff.ExponentialBackOff{
		InitialInterval: schedule.InitialInterval, RandomizationFactor: schedule.RandomizationFactor,
		Multiplier: schedule.Multiplier, MaxInterval: schedule.MaxInterval,
	}
	delays.Reset()
	begin := time.Now()
	lost = metrics.DataPointCount()
	var rest *pmetric.Metrics // what is left to be accepted, where the next consumer said that it accepted a part
	for {
		err = r.next.ConsumeMetrics(ctx, metrics)
		if err == nil {
			return 0, "", nil
		}
		var part consumererror.Metrics
		if errors.As(err, &part) {
			data := part.Data()
			rest, lost = &data, data.DataPointCount()
			r.inFlight.set(lost)
		}
		if ctx.Err() != nil {
			return lost, causePending, err
		}
		delay := delays.NextBackOff()
		tooLong := schedule.MaxElapsedTime > 0 && time.Since(begin)+delay > schedule.MaxElapsedTime
		if consumererror.IsPermanent(err) || !schedule.Enabled || tooLong {
			return lost, causeDownstream, err
		}
		r.limited.Warn("metrics refused downstream, will retry",
			zap.Error(err), zap.Duration("in", delay), zap.Int64("pending_bytes", r.queue.held()))
		if !r.pause(delay) {
			return lost, causePending, err
		}
		if rest != nil {
			metrics = pmetric.NewMetrics()
			rest.CopyTo(metrics)
		} else {
			metrics = r.decoder.decode(batch).metrics
		}
	}
}

// pause waits, shorter once the receiver shuts down. It reports false when the time is over.
func (r *metricsReceiver) pause(delay time.Duration) bool {
	select {
	case <-time.After(delay):
		return true
	case <-r.reading.Done():
	}
	select {
	case <-time.After(min(delay, hurriedDelay)):
		return true
	case <-r.limit.Done():
		return false
	}
}
