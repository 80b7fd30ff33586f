// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v7"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

const (
	// maxBatch is how much of what is at hand goes downstream in one call. Nothing is waited for. A message has 4 KiB
	// mostly, and one call each would be one request each where no batch processor follows.
	maxBatch = 256 << 10
	// hurriedDelay bounds the delay between attempts while the receiver shuts down.
	hurriedDelay = 200 * time.Millisecond

	format = "protobuf"
)

// deliverAll hands on what is pending until that is closed and empty, or the time for it is up.
func (r *metricsReceiver) deliverAll() {
	for {
		batch := r.pending.take(r.limit, maxBatch)
		if batch == nil {
			break
		}
		r.deliver(batch)
		r.pending.done(batch)
	}
	if rest := r.pending.rest(); len(rest) > 0 {
		points := 0
		for i := range rest { // one by one: this is no time for large memory
			points += r.decode(rest[i : i+1]).DataPointCount()
		}
		r.tell.lostPoints(causePending, points)
		r.set.Logger.Warn("shut down before all that was received could be handed on",
			zap.Int("events", len(rest)), zap.Int("data_points", points))
		r.pending.done(rest)
	}
}

// decode decodes for the first time, and accounts for what is told about that.
func (r *metricsReceiver) decode(batch []entry) pmetric.Metrics {
	d := r.decoder.decode(batch)
	for i, at := range d.bad {
		r.undecodable(reasonPayload, batch[at].pid, batch[at].comm, batch[at].tracepoint, d.errs[i])
	}
	r.tell.withoutInstanceID(d.withoutID)
	r.tell.receivedPoints(d.metrics.DataPointCount())
	return d.metrics
}

// deliver hands on a batch, and returns when it was accepted or given up.
func (r *metricsReceiver) deliver(batch []entry) {
	metrics := r.decode(batch)
	points := metrics.DataPointCount()
	if points == 0 {
		return
	}
	ctx := r.obs.StartMetricsOp(r.limit)
	lost, cause, err := r.consume(ctx, metrics, batch)
	r.obs.EndMetricsOp(ctx, format, points, err)
	if err != nil {
		r.tell.lostPoints(cause, lost)
		r.lossLog.warn(r.set.Logger, "data points were given up", zap.Error(err), zap.String("cause", cause), zap.Int("data_points", lost))
	}
}

// consume hands metrics on, again and again where they are refused for a time. What was passed on belongs to the next
// consumer, so for each attempt it is made anew. With an error come the number of points that are lost and the cause.
func (r *metricsReceiver) consume(ctx context.Context, metrics pmetric.Metrics, batch []entry) (lost int, cause string, err error) {
	retry := newRetry(r.config.RetryOnFailure)
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
		}
		if ctx.Err() != nil {
			return lost, causePending, err
		}
		if consumererror.IsPermanent(err) {
			return lost, causeDownstream, err
		}
		delay, ok := retry.next()
		if !ok {
			return lost, causeDownstream, err
		}
		r.refusedLog.warn(r.set.Logger, "refused for now, will try again",
			zap.Error(err), zap.Duration("in", delay), zap.Int64("pending_bytes", r.pending.held()))
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

// pause waits, shorter once the receiver shuts down. It reports false when the time is up.
func (r *metricsReceiver) pause(delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.limit.Done():
		return false
	case <-r.reading.Done():
	}
	hurried := time.NewTimer(min(delay, hurriedDelay))
	defer hurried.Stop()
	select {
	case <-hurried.C:
		return true
	case <-r.limit.Done():
		return false
	}
}

// retry says when to try again.
type retry struct {
	config  configretry.BackOffConfig
	backoff backoff.ExponentialBackOff
	begin   time.Time
}

func newRetry(c configretry.BackOffConfig) *retry {
	b := backoff.ExponentialBackOff{
		InitialInterval: c.InitialInterval, RandomizationFactor: c.RandomizationFactor,
		Multiplier: c.Multiplier, MaxInterval: c.MaxInterval,
	}
	b.Reset()
	return &retry{config: c, backoff: b, begin: time.Now()}
}

// next returns the delay before the next attempt, and false when there is to be none.
func (r *retry) next() (time.Duration, bool) {
	if !r.config.Enabled {
		return 0, false
	}
	delay := r.backoff.NextBackOff()
	if delay == backoff.Stop || r.config.MaxElapsedTime > 0 && time.Since(r.begin)+delay > r.config.MaxElapsedTime {
		return 0, false
	}
	return delay, true
}
