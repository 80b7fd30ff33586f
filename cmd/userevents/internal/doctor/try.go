// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// tryFor bounds the trial.
const tryFor = 10 * time.Second

// Try emits with the exporter and listens with the listener, on a tracepoint of
// its own.
func Try(ctx context.Context, o Options) (t Trial) {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	t.Event = fmt.Sprintf("userevents_doctor_%d", os.Getpid())
	var l *listen.Listener
	l, t.Listen = listen.Open(listen.Options{Names: []string{t.Event}, DataFile: o.DataFile, MaxDelay: 10 * time.Millisecond})
	if t.Listen == nil {
		defer l.Close()
	}
	exporter, err := usereventsmetric.New(
		usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(t.Event), usereventsmetric.WithUserEventsPath(o.DataFile))
	if err != nil {
		t.Emit = err
		return t
	}
	defer func() {
		if err := exporter.Shutdown(context.Background()); t.Emit == nil {
			t.Emit = err
		}
	}()
	t.Backend = exporter.Status().Backend
	if t.Listen != nil {
		return t
	}
	if !exporter.Enabled() {
		t.Emit = errors.New("a listener is attached, but the kernel does not tell the exporter")
		return t
	}
	sent := time.Now().UnixNano()
	if t.Emit = exporter.Export(ctx, gauge(sent)); t.Emit == nil {
		t.Listen = receive(ctx, l, sent)
	}
	return t
}

func gauge(value int64) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "userevents-doctor")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{
			Name: "trial", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: value, Time: time.Now()}}},
		}}}},
	}
}

// receive waits for the event with that value.
func receive(ctx context.Context, l *listen.Listener, value int64) error {
	var ev listen.Event
	for {
		if err := l.Read(ctx, &ev); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("what was written did not arrive within %v: the listener attached, and the kernel counts %d events, of which %d were lost", tryFor, l.Stats().Total().Written, l.Stats().Total().Lost)
			}
			return err
		}
		points, err := otlpview.Points(ev.Payload, func(string) bool { return true })
		if err == nil && len(points) == 1 && points[0].Value.Integer == value {
			return nil
		}
	}
}
