// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
)

// warmUp is how many cycles at the beginning are not counted.
const warmUp = 2

// produced is what a producer prints at its end, of all cycles but the first.
type produced struct {
	Points int   `json:"points"`
	CPU    int64 `json:"cpu_ns"` // of the exports
}

// timed is an exporter whose exports are timed, by the clock of the thread's CPU time.
type timed struct {
	sdkmetric.Exporter
	cpu time.Duration
}

func (t *timed) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := measure.ThreadCPU()
	err := t.Exporter.Export(ctx, rm)
	t.cpu += measure.ThreadCPU() - begin
	return err
}

// produce does with our exporter what rust-peer does: see rust-peer/src/main.rs.
func produce(ctx context.Context, args []string, w io.Writer) error {
	var n [5]int
	if len(args) != len(n) {
		return errors.New("usage: produce METRICS SERIES RESOURCE SHORT CYCLES")
	}
	for i, arg := range args {
		var err error
		if n[i], err = strconv.Atoi(arg); err != nil {
			return err
		}
	}
	metrics, series, more, cycles := n[0], n[1], n[2], n[4]
	names := [...]string{"http.request.method", "http.response.status_code", "http.route", "server.address"}
	if n[3] == 1 {
		names = [...]string{"method", "status", "route", "host"}
	}

	inner, err := usereventsmetric.New(usereventsmetric.WithRequired())
	if err != nil {
		return err
	}
	exporter := &timed{Exporter: inner}
	kvs := []attribute.KeyValue{attribute.String("service.name", "checkout")}
	for i := range more {
		kvs = append(kvs, attribute.String(fmt.Sprintf("k8s.attribute.%02d", i),
			fmt.Sprintf("a-value-of-some-length-%d", i)))
	}
	sdk, err := resource.New(ctx, resource.WithTelemetrySDK())
	if err != nil {
		return err
	}
	all, err := resource.Merge(sdk, resource.NewSchemaless(kvs...))
	if err != nil {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(all), sdkmetric.WithCardinalityLimit(0),
		// No collection but those that are asked for.
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(24*time.Hour))))
	meter := provider.Meter("bench")
	counters := make([]metric.Int64Counter, metrics)
	for m := range counters {
		if counters[m], err = meter.Int64Counter(fmt.Sprintf("http.server.requests.%d", m),
			metric.WithDescription("Requests that the server has answered."),
			metric.WithUnit("{request}")); err != nil {
			return err
		}
	}

	var before time.Duration
	for cycle := range cycles {
		for m, counter := range counters {
			for s := range series {
				i := m*series + s
				counter.Add(ctx, int64(i)*37%5000, metric.WithAttributes(
					attribute.String(names[0], fmt.Sprintf("value-%d", i%50)),
					attribute.Int(names[1], 200+i%5),
					attribute.String(names[2], fmt.Sprintf("/shop/products/%d", i)),
					attribute.String(names[3], fmt.Sprintf("value-%d", (i+3)%50)),
				))
			}
		}
		if cycle == warmUp {
			before = exporter.cpu
		}
		if err := provider.ForceFlush(ctx); err != nil {
			return err
		}
	}
	return json.NewEncoder(w).Encode(produced{metrics * series * max(cycles-warmUp, 0), int64(exporter.cpu - before)})
}
