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

// trial is the result of emitting and listening.
type trial struct {
	emit, listen Check
	attached     *listen.Info // nil where nothing could be attached
}

// try emits with the exporter and receives with the listener.
func try(ctx context.Context, dataFile string) (t trial) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	name := fmt.Sprintf("userevents_doctor_%d", os.Getpid())
	l, err := listen.Open(listen.Options{Names: []string{name}, DataFile: dataFile,
		MaxDelay: 10 * time.Millisecond})
	if err != nil {
		t.listen = failed(err)
	} else {
		defer l.Close()
		info := l.Info()
		t.listen, t.attached = ok("attached to %s on all CPUs", name), &info
	}
	exporter, err := usereventsmetric.New(
		usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(name),
		usereventsmetric.WithUserEventsPath(dataFile))
	if err != nil {
		t.emit = failed(err)
		return t
	}
	defer exporter.Shutdown(context.Background())
	t.emit = ok("registered %s (%s)", name, exporter.Status().Backend)
	if t.attached == nil {
		return t
	}
	if !exporter.Enabled() {
		t.emit = failed(errors.New("a listener is attached, but the kernel does not enable the exporter's tracepoint"))
	} else if err := exporter.Export(ctx, gauge()); err != nil {
		t.emit = failed(err)
	} else {
		t.emit.Detail += " and wrote to it"
		t.listen.Detail += " and received what was written"
		if err := receive(ctx, l); err != nil {
			t.listen = failed(err)
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
		return fmt.Errorf("what was written did not arrive within %v: the listener attached, and the kernel counts "+
			"%d events, %d of them lost",
			tryTimeout, total.Written, total.Lost)
	}
	return errors.Join(err, ev.Err)
}
