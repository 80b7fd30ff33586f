// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
	"github.com/otel-userevents/usereventsmetric/bench/internal/peers"
	"github.com/otel-userevents/usereventsmetric/bench/internal/workload"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// messageSize is the exporter's default on most machines.
const messageSize = 4048

func encoderSection(ctx context.Context, s settings, w io.Writer) error {
	const points = 1000
	fmt.Fprintf(w, `
## Encoding, in one process

A cycle of %d points, from the SDK's metric data to finished messages that go nowhere: for this encoder a sink that does
nothing, for the OTLP exporters a transport that keeps the body, for stdoutmetric a buffer. CPU time of the process, the
garbage collector included. "times" is how many times as long as the first row. "New sets" are attribute sets that no
cycle had before; in the other rows each cycle has the sets of the one before.

| metrics | exporter | ns per point | allocations per point | bytes allocated per point | times |
|---|---|--:|--:|--:|--:|
`, points)
	var specs []workload.Spec
	for _, kind := range []workload.Kind{workload.Sum, workload.Gauge, workload.Histogram, workload.Exponential} {
		for _, attributes := range []int{0, 4, 10} {
			specs = append(specs, workload.Spec{Kind: kind, Points: points, Attributes: attributes})
		}
		specs = append(specs, workload.Spec{Kind: kind, Points: points, Attributes: 4, Exemplars: true})
	}
	for _, spec := range specs {
		source := workload.New(spec)
		candidates, err := exporters(ctx, source.Metrics())
		if err != nil {
			return err
		}
		if spec.Attributes > 0 {
			candidates = append(candidates[:1:1], append([]measure.Candidate{newSets(spec)}, candidates[1:]...)...)
		}
		if err := compare(s, w, spec.String(), points, candidates); err != nil {
			return err
		}
	}

	rm, n, err := workload.HTTPServer(points / 15)
	if err != nil {
		return err
	}
	candidates, err := exporters(ctx, rm)
	if err != nil {
		return err
	}
	return compare(s, w, fmt.Sprintf("otelhttp, %d points", n), n, candidates)
}

// exporters are this encoder and its peers, each exporting rm.
func exporters(ctx context.Context, rm *metricdata.ResourceMetrics) ([]measure.Candidate, error) {
	http, _, err := peers.HTTP(ctx)
	if err != nil {
		return nil, err
	}
	grpc, _, err := peers.GRPC(ctx)
	if err != nil {
		return nil, err
	}
	stdout, kept, err := peers.Stdout()
	if err != nil {
		return nil, err
	}
	return []measure.Candidate{
		ours("this encoder", rm),
		exportBy(ctx, "otlpmetrichttp", http, rm),
		exportBy(ctx, "otlpmetricgrpc", grpc, rm),
		{Name: "stdoutmetric", Run: func() error {
			kept.Reset()
			return stdout.Export(ctx, rm)
		}},
	}, nil
}

func ours(name string, rm *metricdata.ResourceMetrics) measure.Candidate {
	encoder := otlp.NewEncoder(messageSize)
	return measure.Candidate{Name: name, Run: func() error { return encode(encoder, rm) }}
}

// newSets is this encoder with sets that it has never seen.
func newSets(spec workload.Spec) measure.Candidate {
	source, encoder := workload.New(spec), otlp.NewEncoder(messageSize)
	return measure.Candidate{
		Name:    "this encoder, new sets",
		Prepare: func() error { source.NewSets(); return nil },
		Run:     func() error { return encode(encoder, source.Metrics()) },
	}
}

// discard is a sink that takes everything.
type discard struct{}

func (discard) Write([]byte, int) error { return nil }

func encode(encoder *otlp.Encoder, rm *metricdata.ResourceMetrics) error {
	if r := encoder.Encode(rm, discard{}); r.Dropped != nil {
		return r.Dropped[0].Err
	}
	return nil
}

func exportBy(ctx context.Context, name string, exporter sdkmetric.Exporter,
	rm *metricdata.ResourceMetrics) measure.Candidate {
	return measure.Candidate{Name: name, Run: func() error { return exporter.Export(ctx, rm) }}
}

// compare measures and writes the rows.
func compare(s settings, w io.Writer, what string, points int, candidates []measure.Candidate) error {
	results, err := measure.Compare(s.Options, candidates...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n := float64(points)
	for i, r := range results {
		if i > 0 {
			what = ""
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", what, r.Name, number(float64(r.CPU)/n), number(r.Allocs/n),
			number(r.Bytes/n),
			number(float64(r.CPU)/float64(results[0].CPU)))
	}
	return nil
}

func scaleSection(ctx context.Context, s settings, w io.Writer) error {
	fmt.Fprint(w, `
## The size of a cycle

Delta sums of 4 attributes, each point with a set of its own, the same in each cycle.

| points | this encoder, ns per point | allocations per cycle | otlpmetrichttp, ns per point | allocations per cycle | times |
|--:|--:|--:|--:|--:|--:|
`)
	for points := 10; points <= s.largest; points *= 10 {
		source := workload.New(workload.Spec{Kind: workload.Sum, Points: points, Attributes: 4})
		http, _, err := peers.HTTP(ctx)
		if err != nil {
			return err
		}
		o := s.Options
		if points >= 100_000 {
			o.Rounds = min(o.Rounds, 3) // a peer's cycle takes seconds
		}
		r, err := measure.Compare(o, ours("this encoder", source.Metrics()),
			exportBy(ctx, "otlpmetrichttp", http, source.Metrics()))
		if err != nil {
			return err
		}
		n := float64(points)
		fmt.Fprintf(w, "| %d | %s | %s | %s | %s | %s |\n", points, number(float64(r[0].CPU)/n), number(r[0].Allocs),
			number(float64(r[1].CPU)/n), number(r[1].Allocs), number(float64(r[1].CPU)/float64(r[0].CPU)))
	}
	return nil
}
