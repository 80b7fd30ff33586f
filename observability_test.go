// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// The names are written out here, and not taken from a package, since backends and dashboards know them so.
const (
	inflightName   = "otel.sdk.exporter.metric_data_point.inflight"
	exportedName   = "otel.sdk.exporter.metric_data_point.exported"
	operationName  = "otel.sdk.exporter.operation.duration"
	collectionName = "otel.sdk.metric_reader.collection.duration"
)

// observations is what exporters and readers that are made from now on record about themselves.
type observations struct {
	t      testing.TB
	reader *sdkmetric.ManualReader
}

// observe switches self-observation on until the test ends.
func observe(t testing.TB) observations {
	t.Helper()
	reader := sdkmetric.NewManualReader() // while it is off, since this one observes itself, too
	t.Setenv(envObservability, "true")
	observedExporters.Store(0)
	observedReaders.Store(0)
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	return observations{t, reader}
}

// metrics returns the metrics of this package's scope by name.
func (o observations) metrics() map[string]metricdata.Metrics {
	o.t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(o.t, o.reader.Collect(context.Background(), &data))
	found := make(map[string]metricdata.Metrics)
	for _, scope := range data.ScopeMetrics {
		if scope.Scope.Name == "github.com/otel-userevents/usereventsmetric" {
			assert.NotEmpty(o.t, scope.Scope.SchemaURL)
			assert.Equal(o.t, Version(), scope.Scope.Version)
			for _, m := range scope.Metrics {
				found[m.Name] = m
			}
		}
	}
	return found
}

// sum returns the values of an integer sum by error.type, which is "" where there is none.
func (o observations) sum(name, component string) map[string]int64 {
	o.t.Helper()
	data, ok := o.metrics()[name].Data.(metricdata.Sum[int64])
	require.True(o.t, ok, name)
	values := make(map[string]int64)
	for _, point := range data.DataPoints {
		values[o.errorType(point.Attributes, component)] = point.Value
	}
	return values
}

// count returns how many durations were recorded by error.type.
func (o observations) count(name, component string) map[string]uint64 {
	o.t.Helper()
	data, ok := o.metrics()[name].Data.(metricdata.Histogram[float64])
	require.True(o.t, ok, name)
	counts := make(map[string]uint64)
	for _, point := range data.DataPoints {
		counts[o.errorType(point.Attributes, component)] = point.Count
	}
	return counts
}

// errorType checks the attributes against those of the first component of a kind.
func (o observations) errorType(attributes attribute.Set, component string) string {
	o.t.Helper()
	const errorTypeKey = "error.type"
	errorType, failed := attributes.Value(errorTypeKey)
	others, _ := attributes.Filter(func(kv attribute.KeyValue) bool { return kv.Key != errorTypeKey })
	kind := "github.com/otel-userevents/usereventsmetric." + component
	assert.Equal(o.t, attribute.NewSet(
		attribute.String("otel.component.type", kind), attribute.String("otel.component.name", kind+"/0"),
	), others)
	if failed {
		return errorType.AsString()
	}
	return ""
}

func TestObservedExport(t *testing.T) {
	tooLarge := func() *metricdata.ResourceMetrics {
		data := metrictest.CountingSums(3)
		points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
		points[1].Attributes = attribute.NewSet(attribute.String("large", string(make([]byte, 10_000))))
		return data
	}
	manyTooLarge := func() *metricdata.ResourceMetrics {
		data := &metricdata.ResourceMetrics{ScopeMetrics: make([]metricdata.ScopeMetrics, 1)}
		for i := range 100 {
			m := tooLarge().ScopeMetrics[0].Metrics[0]
			m.Name = fmt.Sprint(i)
			data.ScopeMetrics[0].Metrics = append(data.ScopeMetrics[0].Metrics, m)
		}
		return data
	}
	withoutExemplars := func() *metricdata.ResourceMetrics {
		data := metrictest.CountingSums(3)
		points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
		points[1].Exemplars = []metricdata.Exemplar[int64]{{SpanID: make([]byte, 10_000)}}
		return data
	}
	failing := func(err error) func(*fakeTracepoint) {
		return func(f *fakeTracepoint) { f.onWrite = func(int) error { return err } }
	}
	for name, tt := range map[string]struct {
		data       *metricdata.ResourceMetrics
		prepare    func(*fakeTracepoint)
		exported   map[string]int64
		operations map[string]uint64
	}{
		"all":     {metrictest.CountingSums(1000), nil, map[string]int64{"": 1000}, map[string]uint64{"": 1}},
		"nothing": {metrictest.CountingSums(0), nil, map[string]int64{"": 0}, map[string]uint64{"": 1}},
		"a point that is too large": {
			tooLarge(), nil, map[string]int64{"": 2, "too_large": 1}, map[string]uint64{"too_large": 1},
		},
		"more metrics with such than an error lists": {
			manyTooLarge(), nil,
			map[string]int64{"": 200, "too_large": 64, "_OTHER": 36}, map[string]uint64{"too_large": 1},
		},
		"exemplars that are too large": {
			withoutExemplars(), nil, map[string]int64{"": 3}, map[string]uint64{"exemplars_left_out": 1},
		},
		"a write that fails": {
			metrictest.CountingSums(10), failing(syscall.EFAULT),
			map[string]int64{"": 0, "EFAULT": 10}, map[string]uint64{"EFAULT": 1},
		},
		"a descriptor that is lost": {
			metrictest.CountingSums(10), failing(fmt.Errorf("%w: %w", tracepoint.ErrLost, syscall.EBADF)),
			map[string]int64{"": 0, "descriptor_lost": 10}, map[string]uint64{"descriptor_lost": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			observed := observe(t)
			exporter, fake := enabledExporter(t)
			if tt.prepare != nil {
				tt.prepare(fake)
			}
			err := exporter.Export(t.Context(), tt.data)
			assert.Equal(t, tt.exported, observed.sum(exportedName, "Exporter"))
			assert.Equal(t, tt.operations, observed.count(operationName, "Exporter"))
			assert.Equal(t, map[string]int64{"": 0}, observed.sum(inflightName, "Exporter"))

			// The books are those of Status and of the error.
			status := exporter.Status()
			assert.EqualValues(t, tt.exported[""], status.Points)
			var failed uint64
			for reason, points := range tt.exported {
				if reason != "" {
					failed += uint64(points)
				}
			}
			assert.Equal(t, status.DroppedPoints, failed)
			assert.Equal(t, err == nil, tt.operations[""] == 1)
		})
	}
}

func TestObservedExportThatIsCutShort(t *testing.T) {
	observed := observe(t)
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	ctx, cancel := context.WithCancel(t.Context())
	fake.onWrite = func(int) error {
		assert.Equal(t, map[string]int64{"": 1000}, observed.sum(inflightName, "Exporter"))
		cancel()
		return nil
	}
	err := exporter.Export(ctx, metrictest.CountingSums(1000))
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Positive(t, partial.Written)
	assert.Equal(t, map[string]int64{"": int64(partial.Written), "canceled": int64(partial.DroppedPoints)},
		observed.sum(exportedName, "Exporter"))
	assert.Equal(t, map[string]int64{"": 0}, observed.sum(inflightName, "Exporter"), "though the context is over")
}

func TestObservedExportAfterShutdown(t *testing.T) {
	observed := observe(t)
	exporter, _ := enabledExporter(t)
	require.NoError(t, exporter.Shutdown(t.Context()))
	require.Error(t, exporter.Export(t.Context(), metrictest.CountingSums(10)))
	assert.Equal(t, map[string]int64{"": 0, "shutdown": 10}, observed.sum(exportedName, "Exporter"))
	require.Error(t, exporter.Export(t.Context(), metrictest.CountingSums(0)), "nothing is lost, but it failed")
	assert.Equal(t, map[string]uint64{"shutdown": 2}, observed.count(operationName, "Exporter"))
}

// What nobody listens to has neither been exported nor failed.
func TestObservedExportToNobody(t *testing.T) {
	observed := observe(t)
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	fake.enabled.Store(false)
	data := metrictest.CountingSums(1000)
	require.NoError(t, exporter.Export(t.Context(), data))
	assert.Empty(t, observed.metrics())
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = exporter.Export(t.Context(), data) }))

	fake.enabled.Store(true)
	fake.onWrite = func(n int) error {
		fake.enabled.Store(n < 3)
		return nil
	}
	require.NoError(t, exporter.Export(t.Context(), data))
	written := exporter.Status().Points
	require.Less(t, written, uint64(1000))
	assert.Equal(t, map[string]int64{"": int64(written)}, observed.sum(exportedName, "Exporter"))
	assert.Equal(t, map[string]int64{"": 0}, observed.sum(inflightName, "Exporter"))
}

// Without a tracepoint nobody can listen.
func TestObservedExportWithoutATracepoint(t *testing.T) {
	metrictest.CatchErrors(t)
	observed := observe(t)
	exporter, err := newExporter(func(string) (registration, error) { return nil, syscall.ENOENT })
	require.NoError(t, err)
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(10)))
	metrics := observed.metrics()
	assert.NotContains(t, metrics, exportedName)
	assert.NotContains(t, metrics, operationName)
	assert.Equal(t, map[string]int64{"": 0}, observed.sum(inflightName, "Exporter"))
}

func TestObservedCollections(t *testing.T) {
	observed := observe(t)
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithInterval(time.Second))
		s.pass(time.Hour)
		assert.NotContains(t, observed.metrics(), collectionName)
		s.hit(1)
		s.listened()
		s.pass(2 * time.Second)
		assert.Equal(t, map[string]uint64{"": 3}, observed.count(collectionName, "Reader"))
		assert.Equal(t, map[string]uint64{"": 3}, observed.count(operationName, "Exporter"))

		metrictest.CatchErrors(t)
		s.whileCollecting(func(context.Context) error { return context.DeadlineExceeded })
		s.pass(time.Second)
		assert.Equal(t, map[string]uint64{"": 3, "timeout": 1}, observed.count(collectionName, "Reader"))
		assert.Equal(t, map[string]uint64{"": 3}, observed.count(operationName, "Exporter"), "nothing to export")

		s.collectAsEver()
		var data metricdata.ResourceMetrics
		require.NoError(t, s.reader.Collect(t.Context(), &data))
		assert.Equal(t, map[string]uint64{"": 4, "timeout": 1}, observed.count(collectionName, "Reader"))
	})
}

// The discarding of a backlog is a collection, too.
func TestObservedDiscarding(t *testing.T) {
	observed := observe(t)
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithoutBacklog())
		s.listened()
		assert.Equal(t, map[string]uint64{"": 2}, observed.count(collectionName, "Reader"))
	})
}

func TestObservedComponentsAreNumbered(t *testing.T) {
	observed := observe(t)
	for range 3 {
		exporter, _ := enabledExporter(t)
		require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	}
	var names []string
	for _, point := range observed.metrics()[exportedName].Data.(metricdata.Sum[int64]).DataPoints {
		name, _ := point.Attributes.Value("otel.component.name")
		names = append(names, name.AsString())
	}
	const kind = "github.com/otel-userevents/usereventsmetric.Exporter/"
	assert.ElementsMatch(t, []string{kind + "0", kind + "1", kind + "2"}, names)
}

func TestUnobserved(t *testing.T) {
	for _, value := range []string{"", "false", "1", "yes", " true"} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			observed := observe(t)
			t.Setenv(envObservability, value)
			exporter, fake := enabledExporter(t)
			assert.Nil(t, exporter.metrics)
			synctest.Test(t, func(t *testing.T) {
				s := newServiceOf(t, exporter, fake)
				assert.Nil(t, s.reader.metrics)
				s.pass(time.Second)
				require.Positive(t, s.cycles())
			})
			assert.Empty(t, observed.metrics())
		})
	}
	observe(t)
	t.Setenv(envObservability, "TRUE")
	exporter, _ := enabledExporter(t)
	assert.NotNil(t, exporter.metrics)
}

// noInstruments makes no instrument that is asked for.
type noInstruments struct{ noop.MeterProvider }

func (noInstruments) Meter(string, ...metric.MeterOption) metric.Meter { return noInstrumentsMeter{} }

type noInstrumentsMeter struct{ noop.Meter }

var errNoInstrument = errors.New("no instrument")

func (noInstrumentsMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errNoInstrument
}

func (noInstrumentsMeter) Float64Histogram(
	string, ...metric.Float64HistogramOption,
) (metric.Float64Histogram, error) {
	return nil, errNoInstrument
}

// What observes must not take down what it observes.
func TestInstrumentsThatCannotBeMade(t *testing.T) {
	observe(t)
	otel.SetMeterProvider(noInstruments{})
	handled := metrictest.CatchErrors(t)
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		ours := 0
		for _, err := range handled.All() {
			require.ErrorIs(t, err, errNoInstrument)
			if strings.HasPrefix(err.Error(), "usereventsmetric: OTEL_GO_X_OBSERVABILITY: ") {
				ours++
			}
		}
		assert.Equal(t, 2, ours, "of the exporter and of the reader; another is of the SDK's reader inside")
		s.hit(1)
		s.listened()
		assert.Equal(t, []int64{1}, s.fake.sums(t))
	})
}

func TestErrorTypes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("wrapped: %w", ErrTooLarge), "too_large"},
		{ErrUnsupported, "unsupported_data"},
		{context.Canceled, "canceled"},
		{sdkmetric.ErrReaderShutdown, "shutdown"},
		{sdkmetric.ErrReaderNotRegistered, "reader_not_registered"},
		{&PartialError{Stopped: context.DeadlineExceeded, Dropped: []DroppedPoints{{Err: ErrTooLarge}}}, "timeout"},
		{&PartialError{Dropped: []DroppedPoints{{Err: ErrTooLarge}, {Err: ErrUnsupported}}}, "too_large"},
		{&PartialError{}, "*usereventsmetric.PartialError"},
		{errors.New("something of a callback"), "*errors.errorString"},
		{&os.PathError{Err: errors.ErrUnsupported}, "*fs.PathError"},
	} {
		assert.Equal(t, tt.want, errorType(tt.err), "%v", tt.err)
	}
}
