// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
	"github.com/otel-userevents/usereventsmetric/bench/internal/peers"
	"github.com/otel-userevents/usereventsmetric/bench/internal/workload"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

var short = settings{quick: true, Options: measure.Options{Rounds: 1}, largest: 100}

func TestSectionsThatNeedNoKernel(t *testing.T) {
	tests := []struct {
		name string
		run  func(context.Context, settings, *bytes.Buffer) error
		rows []string
	}{
		{"encoder", func(ctx context.Context, s settings, w *bytes.Buffer) error { return encoderSection(ctx, s, w) },
			[]string{
				"| delta sum, 4 attributes | this encoder |", "|  | this encoder, new sets |", "|  | otlpmetrichttp |",
				"|  | otlpmetricgrpc |", "|  | stdoutmetric |",
				"| gauge, 10 attributes |", "| histogram, 0 attributes |",
				"| exponential histogram, 4 attributes, exemplars |", "| otelhttp, 990 points |",
			}},
		{"nobody", func(ctx context.Context, s settings, w *bytes.Buffer) error { return nobodySection(ctx, s, w) },
			[]string{"| Export | 1,000 points |"}},
		{"scale", func(ctx context.Context, s settings, w *bytes.Buffer) error { return scaleSection(ctx, s, w) },
			[]string{"| 10 |", "| 100 |"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, tt.run(t.Context(), short, &out))
			for _, row := range tt.rows {
				assert.Contains(t, out.String(), row)
			}
			assertTables(t, out.String())
		})
	}
}

// assertTables checks that each row of a table has as many cells as the row before it.
func assertTables(t *testing.T, text string) {
	t.Helper()
	cells := 0
	for line := range strings.Lines(text) {
		if n := strings.Count(line, "|"); strings.HasPrefix(line, "|") {
			if cells > 0 {
				assert.Equal(t, cells, n, line)
			}
			cells = n
		} else {
			cells = 0
		}
	}
}

// What is compared must be the same metrics.
func TestExportersExportTheSame(t *testing.T) {
	rm := workload.New(workload.Spec{Kind: workload.Histogram, Points: 50, Attributes: 4, Exemplars: true}).Metrics()
	http, keptHTTP, err := peers.HTTP(t.Context())
	require.NoError(t, err)
	require.NoError(t, http.Export(t.Context(), rm))
	grpc, keptGRPC, err := peers.GRPC(t.Context())
	require.NoError(t, err)
	require.NoError(t, grpc.Export(t.Context(), rm))
	assert.Equal(t, keptHTTP.Body, keptGRPC.Body)

	var ours peers.Messages
	require.Nil(t, otlp.NewEncoder(otlp.MaxMessageSize).Encode(rm, &ours).Dropped)
	points, begin := 0, 0
	for _, end := range ours.Ends {
		m, err := otlptest.Decode(ours.Bytes[begin+otlp.Headroom : end])
		require.NoError(t, err)
		points += len(m.GetScopeMetrics()[0].GetMetrics()[0].GetHistogram().GetDataPoints())
		begin = end
	}
	assert.Equal(t, 50, points)
	sent, err := otlptest.Decode(keptHTTP.Body)
	require.NoError(t, err)
	assert.Len(t, sent.GetScopeMetrics()[0].GetMetrics()[0].GetHistogram().GetDataPoints(), 50)

	stdout, keptStdout, err := peers.Stdout()
	require.NoError(t, err)
	require.NoError(t, stdout.Export(t.Context(), rm))
	assert.Equal(t, 50, strings.Count(keptStdout.String(), `"BucketCounts"`))
}

func TestCountedCompare(t *testing.T) {
	tests := []struct {
		name        string
		now, before counted
		err         string
		out         string
	}{
		{name: "the same", now: counted{"a": 100}, before: counted{"a": 100}, out: "baseline 100 (+0.0 %)"},
		{name: "within the margin", now: counted{"a": 102.9}, before: counted{"a": 100}, out: "+2.9 %"},
		{name: "above it", now: counted{"a": 103.1, "b": 1}, before: counted{"a": 100, "b": 1}, err: "compilers: a ("},
		{name: "less", now: counted{"a": 50}, before: counted{"a": 100}, out: "-50.0 %"},
		{name: "no baseline", now: counted{"a": 50}, out: "no baseline is known for compilers"},
		{name: "one that is new", now: counted{"a": 50, "b": 2}, before: counted{"a": 50},
			out: "2 instructions per point\n"},
		{name: "one that is not counted any more", now: counted{}, before: counted{"a": 100}, err: "a (not counted)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			err := tt.now.compare(&out, "compilers", tt.before)
			assert.Contains(t, out.String(), tt.out)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-only", "encoder,none"}, {"-none"}, {"argument"}} {
		require.Error(t, bench(t.Context(), args), args)
	}
	require.Error(t, guest(t.Context(), nil, nil))
	require.Error(t, guest(t.Context(), []string{"none"}, nil))
}
