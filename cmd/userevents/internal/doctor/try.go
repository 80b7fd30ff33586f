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

// try emits with the exporter and receives with the listener.
func try(ctx context.Context, dataFile string) (emit, received Check) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	name := fmt.Sprintf("userevents_doctor_%d", os.Getpid())
	received = ok("attached to %s on all CPUs", name)
	l, listenErr := listen.Open(listen.Options{Names: []string{name}, DataFile: dataFile,
		MaxDelay: 10 * time.Millisecond})
	if listenErr != nil {
		received = failed(listenErr)
	} else {
		defer l.Close()
	}
	exporter, err := usereventsmetric.New(
		usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(name),
		usereventsmetric.WithUserEventsPath(dataFile))
	if err != nil {
		return failed(err), received
	}
	defer exporter.Shutdown(context.Background())
	emit = ok("registered %s (%s)", name, exporter.Status().Backend)
	switch {
	case listenErr != nil:
	case !exporter.Enabled():
		emit = failed(errors.New("a listener is attached, but the kernel does not enable the exporter's tracepoint"))
	default:
		if err := exporter.Export(ctx, gauge()); err != nil {
			return failed(err), received
		}
		emit.Detail += " and wrote to it"
		if err := receive(ctx, l); err != nil {
			return emit, failed(err)
		}
		received.Detail += " and received what was written"
	}
	return emit, received
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
		return fmt.Errorf("what was written did not arrive within %v: the listener attached, and the kernel counts "+
			"%d events, %d of them lost",
			tryTimeout, total.Written, total.Lost)
	}
	return errors.Join(err, ev.Err)
}
