// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// envObservability is the SDK's switch for the metrics of its own parts, which are experimental.
const envObservability = "OTEL_GO_X_OBSERVABILITY"

// observable reports whether exporters and readers observe themselves. What counts as true is the SDK's rule, so that
// its parts and ours are switched together.
func observable() bool { return strings.EqualFold(os.Getenv(envObservability), "true") }

const scopeName = "github.com/otel-userevents/usereventsmetric"

// How many exporters and readers have been observed so far, for their names.
var observedExporters, observedReaders atomic.Int64

// component names an exporter or reader in its metrics.
type component struct{ attributes attribute.Set }

func newComponent(kind string, observed *atomic.Int64) component {
	kind = scopeName + "." + kind
	return component{attribute.NewSet(
		semconv.OTelComponentTypeKey.String(kind),
		semconv.OTelComponentName(fmt.Sprintf("%s/%d", kind, observed.Add(1)-1)),
	)}
}

// failed returns the attributes with an error.type.
func (c component) failed(errorType string) attribute.Set {
	return attribute.NewSet(append(c.attributes.ToSlice(), semconv.ErrorTypeKey.String(errorType))...)
}

// meter is that of the global MeterProvider, which may be set later: what is recorded until then is lost.
func meter() metric.Meter {
	return otel.GetMeterProvider().Meter(scopeName,
		metric.WithInstrumentationVersion(version), metric.WithSchemaURL(semconv.SchemaURL))
}

// exporterMetrics are the metrics of an [Exporter] about itself. nil observes nothing.
type exporterMetrics struct {
	component
	inflight otelconv.SDKExporterMetricDataPointInflight
	exported otelconv.SDKExporterMetricDataPointExported
	duration otelconv.SDKExporterOperationDuration
}

// newExporterMetrics returns nil unless exporters observe themselves. What cannot be made is reported and left out.
func newExporterMetrics() *exporterMetrics {
	if !observable() {
		return nil
	}
	m := &exporterMetrics{component: newComponent("Exporter", &observedExporters)}
	var errs [3]error
	from := meter()
	m.inflight, errs[0] = otelconv.NewSDKExporterMetricDataPointInflight(from)
	m.exported, errs[1] = otelconv.NewSDKExporterMetricDataPointExported(from)
	m.duration, errs[2] = otelconv.NewSDKExporterOperationDuration(from)
	reportUnobserved(errs[:]...)
	return m
}

func reportUnobserved(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		otel.Handle(fmt.Errorf("usereventsmetric: %s: %w", envObservability, err))
	}
}

// operation is an Export while it runs. The zero value observes nothing.
type operation struct {
	metrics *exporterMetrics
	ctx     context.Context
	start   time.Time
	points  int64

	listened bool // to somebody, as far as it came
	written  int64
}

func (m *exporterMetrics) begin(ctx context.Context, data *metricdata.ResourceMetrics) operation {
	if m == nil {
		return operation{}
	}
	o := operation{metrics: m, ctx: ctx, start: time.Now(), points: int64(otlp.CountPoints(data))}
	m.inflight.AddSet(ctx, o.points, m.attributes)
	return o
}

// wrote notes that there was somebody to export to, and what was written.
func (o *operation) wrote(points int) { o.listened, o.written = true, int64(points) }

// end records the operation, unless it turned out to be one to nobody: as in [Status], that is no export.
func (o *operation) end(err error) {
	m := o.metrics
	if m == nil {
		return
	}
	m.inflight.AddSet(o.ctx, -o.points, m.attributes)
	if !o.listened && err == nil {
		return
	}
	m.exported.AddSet(o.ctx, o.written, m.attributes)
	attributes := m.attributes
	if err != nil {
		attributes = m.failed(errorType(err))
	}
	for reason, points := range failedPoints(err) {
		m.exported.AddSet(o.ctx, points, m.failed(reason))
	}
	m.duration.RecordSet(o.ctx, time.Since(o.start).Seconds(), attributes)
}

// failedPoints counts the data points that were not written, by error.type.
func failedPoints(err error) map[string]int64 {
	var partial *PartialError
	if !errors.As(err, &partial) {
		return nil
	}
	failed := make(map[string]int64)
	for _, drop := range partial.Dropped {
		if drop.Points > 0 {
			failed[errorType(drop.Err)] += int64(drop.Points)
		}
	}
	if partial.Unlisted > 0 {
		failed[semconv.ErrorTypeOther.Value.AsString()] += int64(partial.Unlisted)
	}
	return failed
}

// readerMetrics are the metrics of a [Reader] about itself. nil observes nothing.
type readerMetrics struct {
	component
	duration otelconv.SDKMetricReaderCollectionDuration
}

// newReaderMetrics returns nil unless readers observe themselves.
func newReaderMetrics() *readerMetrics {
	if !observable() {
		return nil
	}
	m := &readerMetrics{component: newComponent("Reader", &observedReaders)}
	var err error
	m.duration, err = otelconv.NewSDKMetricReaderCollectionDuration(meter())
	reportUnobserved(err)
	return m
}

// collect collects from reader.
func (m *readerMetrics) collect(
	ctx context.Context, reader sdkmetric.Reader, data *metricdata.ResourceMetrics,
) error {
	if m == nil {
		return reader.Collect(ctx, data)
	}
	start := time.Now()
	err := reader.Collect(ctx, data)
	attributes := m.attributes
	if err != nil {
		attributes = m.failed(errorType(err))
	}
	m.duration.RecordSet(ctx, time.Since(start).Seconds(), attributes)
	return err
}
