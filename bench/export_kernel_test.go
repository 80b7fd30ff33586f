// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package bench

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// ownName is a tracepoint of its own, so that nobody else's listener is measured.
const ownName = "otlp_metrics_bench"

// listeners attach to ownName until the test ends, which fails if events were lost or none came. drain, where there is
// one, empties the rings.
var listeners = []struct {
	name   string
	attach func(testing.TB) (drain func() error)
}{
	{"perf", underPerf},
	{"ftrace", underFtrace},
}

func underPerf(tb testing.TB) (drain func() error) {
	l := kerneltest.Attach(tb, listen.Options{Names: []string{ownName}, RingSize: 4 << 20})
	drain = func() error {
		var ev listen.Event
		for {
			if t := l.Stats().Total(); t.Received+t.Lost == t.Written {
				return nil
			}
			if err := l.Read(context.Background(), &ev); err != nil {
				return err
			}
		}
	}
	tb.Cleanup(func() {
		assert.NoError(tb, drain())
		assert.Zero(tb, l.Stats().Total().Lost)
		assert.NotZero(tb, l.Stats().Total().Received)
	})
	return drain
}

func underFtrace(tb testing.TB) (drain func() error) {
	kerneltest.ClearTrace(tb)
	kerneltest.Listen(tb, ownName, true)
	tb.Cleanup(func() {
		kerneltest.Listen(tb, ownName, false)
		assert.NotEmpty(tb, kerneltest.Traced(tb, ownName))
		kerneltest.ClearTrace(tb)
	})
	return nil
}

// newExport returns a function that exports a cycle of w to ownName, without pacing.
func newExport(tb testing.TB, w workload) func() error {
	exporter, err := usereventsmetric.New(usereventsmetric.WithTracepointName(ownName),
		usereventsmetric.WithPacing(0, 0), usereventsmetric.WithRequired())
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, exporter.Shutdown(context.Background())) })
	rm := w.source().metrics
	return func() error { return exporter.Export(context.Background(), rm) }
}

// BenchmarkExport is the whole exporter beside what the kernel itself costs: writing the same finished messages.
// otlpmetrichttp, which sends nothing, is there for scale.
func BenchmarkExport(b *testing.B) {
	w := workload{kind: sum, points: points, attributes: 4}
	export, bare := newExport(b, w), bareWritev(b, ownName, w.source().metrics)
	rm, http := w.source().metrics, new(peers).otlpHTTP(b)
	official := func() error { return http.Export(b.Context(), rm) }
	for _, listener := range listeners {
		b.Run("listener="+listener.name, func(b *testing.B) {
			drain := listener.attach(b)
			measure(b, "exporter=writev", points, drain, bare)
			measure(b, "exporter=usereventsmetric", points, drain, export)
			measure(b, "exporter=otlpmetrichttp", points, drain, official)
		})
	}
}

// What is measured must arrive.
func TestKernelExportArrives(t *testing.T) {
	w := workload{kind: sum, points: points, attributes: 4}
	cycles := map[string]func() error{"Export": newExport(t, w), "writev": bareWritev(t, ownName, w.source().metrics)}
	for _, listener := range listeners {
		for name, cycle := range cycles {
			t.Run(listener.name+" "+name, func(t *testing.T) {
				listener.attach(t)
				require.NoError(t, cycle())
			})
		}
	}
}
