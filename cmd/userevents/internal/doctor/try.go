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
	"github.com/otel-userevents/usereventsmetric/listen"
)

const tryTimeout = 10 * time.Second

// trial is how emitting and listening went.
type trial struct {
	tracepoint, backend string
	emit, listen        error
}

// try emits with the exporter and receives with the listener.
func try(ctx context.Context, dataFile string) (t trial) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	t.tracepoint = fmt.Sprintf("userevents_doctor_%d", os.Getpid())
	var l *listen.Listener
	l, t.listen = listen.Open(listen.Options{Names: []string{t.tracepoint}, DataFile: dataFile, MaxDelay: 10 * time.Millisecond})
	if t.listen == nil {
		defer l.Close()
	}
	exporter, err := usereventsmetric.New(
		usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(t.tracepoint), usereventsmetric.WithUserEventsPath(dataFile))
	if err != nil {
		t.emit = err
		return t
	}
	defer func() { t.emit = errors.Join(t.emit, exporter.Shutdown(context.Background())) }()
	t.backend = exporter.Status().Backend
	switch {
	case t.listen != nil:
	case !exporter.Enabled():
		t.emit = errors.New("a listener is attached, but the kernel does not enable the exporter's tracepoint")
	default:
		if t.emit = exporter.Export(ctx, gauge()); t.emit == nil {
			t.listen = receive(ctx, l)
		}
	}
	return t
}

func gauge() *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "userevents-doctor")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{
			Name: "trial", Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Time: time.Now()}}},
		}}}},
	}
}

// receive waits for an event.
func receive(ctx context.Context, l *listen.Listener) error {
	var ev listen.Event
	err := l.Read(ctx, &ev)
	if ctx.Err() != nil {
		total := l.Stats().Total()
		return fmt.Errorf("what was written did not arrive within %v: the listener attached, and the kernel counts %d events, %d of them lost",
			tryTimeout, total.Written, total.Lost)
	}
	return errors.Join(err, ev.Err)
}
