// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExportWritesEveryPointOnceInOrder(t *testing.T) {
	for _, points := range []int{0, 1, 100, 5000} {
		for _, size := range []int{512, 4048, 8168} {
			t.Run(fmt.Sprintf("%d points in messages of %d", points, size), func(t *testing.T) {
				exporter, fake := enabledExporter(t, WithMaxMessageSize(size), WithPacing(0, 0))
				require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(points)))

				bytes := 0
				for _, message := range fake.messages(t) {
					assert.LessOrEqual(t, len(message), size)
					bytes += len(message)
				}
				if points > 0 {
					assert.Equal(t, metrictest.Numbers(points), fake.sums(t))
				} else {
					assert.Empty(t, fake.events)
				}
				status := exporter.Status()
				assert.EqualValues(t, points, status.Points)
				assert.EqualValues(t, len(fake.events), status.Messages)
				assert.EqualValues(t, bytes, status.Bytes)
				assert.EqualValues(t, 1, status.Cycles)
				assert.Zero(t, status.DroppedPoints)
			})
		}
	}
}

func TestExportToNobody(t *testing.T) {
	exporter, fake := enabledExporter(t)
	fake.enabled.Store(false)
	data := metrictest.CountingSums(10)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	assert.False(t, exporter.Enabled())
	require.NoError(t, exporter.Export(t.Context(), data))
	require.NoError(t, exporter.Export(cancelled, data), "there is nobody to miss anything")
	require.NoError(t, exporter.Export(t.Context(), nil))
	assert.Empty(t, fake.events)
	assert.Zero(t, exporter.Status().Cycles)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = exporter.Export(t.Context(), data) }))
}

func TestExportAllocatesNothing(t *testing.T) {
	exporter, _ := enabledExporter(t, WithPacing(0, 0))
	discarding := &discardingTracepoint{}
	exporter.connection.Store(&connection{discarding})
	for _, points := range []int{100, 10_000} {
		data := metrictest.CountingSums(points)
		assert.Zero(
			t,
			testing.AllocsPerRun(10, func() { _ = exporter.Export(context.Background(), data) }),
			"%d points",
			points,
		)
	}
	assert.Positive(t, discarding.writes)
}

func TestExportOfAnSDKPipeline(t *testing.T) {
	exporter, fake := enabledExporter(t)
	reader := sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(time.Hour))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	counter, err := provider.Meter("m").Int64Counter("hits")
	require.NoError(t, err)

	counter.Add(t.Context(), 3)
	require.NoError(t, provider.ForceFlush(t.Context()))
	counter.Add(t.Context(), 4)
	require.NoError(t, provider.Shutdown(t.Context()))
	assert.Equal(t, []int64{3, 4}, fake.sums(t), "deltas")
	assert.True(t, fake.closed.Load())
}

func TestListenerThatLeavesInMidCycleIsNoError(t *testing.T) {
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	fake.onWrite = func(n int) error {
		if n == 3 {
			fake.enabled.Store(false)
		}
		return nil
	}
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1000)))
	assert.Len(t, fake.events, 3)
	assert.Zero(t, exporter.Status().DroppedPoints)

	fake.enabled.Store(true)
	fake.onWrite = nil
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(10)))
	assert.Greater(t, len(fake.events), 3, "and it goes on when one comes back")
}

func TestFailedWriteIsReportedAndNotRetried(t *testing.T) {
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	fake.onWrite = func(n int) error {
		if n == 2 {
			return syscall.EFAULT
		}
		return nil
	}
	err := exporter.Export(t.Context(), metrictest.CountingSums(100))
	require.ErrorIs(t, err, syscall.EFAULT)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Dropped, 1)
	assert.Equal(t, "counting", partial.Dropped[0].Metric)
	assert.Equal(t, "scope", partial.Dropped[0].Scope)
	assert.Equal(t, partial.DroppedPoints, partial.Dropped[0].Points)
	assert.NoError(t, partial.Stopped)
	assert.Equal(t, 100, partial.Written+partial.DroppedPoints)

	written := fake.sums(t)
	assert.Len(t, written, partial.Written)
	assert.Equal(t, len(fake.events)+1, fake.writes, "the failed message was tried once")
	first := len(metrictest.SumsOf(t, fake.messages(t)[0]))
	want := append(metrictest.Numbers(first), metrictest.Numbers(100)[first+partial.DroppedPoints:]...)
	assert.Equal(t, want, written, "all but those of the second message")
	assert.EqualValues(t, partial.DroppedPoints, exporter.Status().DroppedPoints)
}

// The descriptor is checked before each export and after each pause, and what fails says that it is lost.
func TestLostDescriptorIsOpenedAgain(t *testing.T) {
	lost := fmt.Errorf("%w: %w", tracepoint.ErrLost, syscall.EBADF)
	at := func(n int) func(int) error {
		return func(i int) error {
			if i == n {
				return lost
			}
			return nil
		}
	}
	for _, test := range []struct {
		name             string
		onWrite, onCheck func(int) error
		written          bool
	}{
		{"seen by a write", at(2), nil, true},
		{"seen before the export", nil, at(1), false},
		{"seen after a pause", nil, at(2), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var opened []*fakeTracepoint
			exporter, err := newExporter(func(string) (registration, error) {
				fake := &fakeTracepoint{}
				fake.enabled.Store(true)
				opened = append(opened, fake)
				return fake, nil
			}, WithMaxMessageSize(512), WithPacing(1000, time.Nanosecond))
			require.NoError(t, err)
			opened[0].onWrite, opened[0].onCheck = test.onWrite, test.onCheck
			err = exporter.Export(t.Context(), metrictest.CountingSums(100))
			require.ErrorIs(t, err, syscall.EBADF)
			require.ErrorIs(t, err, tracepoint.ErrLost)
			var partial *PartialError
			require.ErrorAs(t, err, &partial)
			assert.Equal(t, 100, partial.Written+partial.DroppedPoints)
			assert.Equal(t, test.written, partial.Written > 0)
			assert.Equal(t, metrictest.Numbers(partial.Written), append([]int64{}, opened[0].sums(t)...))
			assert.True(t, opened[0].closed.Load())
			status := exporter.Status()
			assert.ErrorIs(t, status.Err, tracepoint.ErrLost)
			assert.False(t, status.Registered)
			assert.EqualValues(t, partial.DroppedPoints, status.DroppedPoints)

			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(100)))
			require.Len(t, opened, 2)
			assert.Equal(t, metrictest.Numbers(100), opened[1].sums(t))
			assert.NoError(t, exporter.Status().Err)
		})
	}
}

func TestContextThatIsOver(t *testing.T) {
	exporter, fake := enabledExporter(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a cause of its own"))
	err := exporter.Export(ctx, metrictest.CountingSums(7))
	require.ErrorIs(t, err, context.Canceled)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, 7, partial.DroppedPoints)
	assert.ErrorIs(t, partial.Stopped, context.Canceled)
	assert.Zero(t, partial.Written)
	assert.Empty(t, fake.events)
	assert.ErrorIs(t, exporter.ForceFlush(ctx), context.Canceled)
	assert.NoError(t, exporter.ForceFlush(t.Context()))
}

func TestContextThatEndsInMidCycle(t *testing.T) {
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	ctx, cancel := context.WithCancel(t.Context())
	fake.onWrite = func(n int) error {
		if n == 2 {
			cancel()
		}
		return nil
	}
	err := exporter.Export(ctx, metrictest.CountingSums(3000))
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, metrictest.Numbers(partial.Written), fake.sums(t))
	assert.Equal(t, 3000, partial.Written+partial.DroppedPoints)
	assert.Len(t, fake.events, 2)
}

func TestUnwritableMetricsDoNotHoldUpOthers(t *testing.T) {
	exporter, fake := enabledExporter(t)
	data := metrictest.CountingSums(3)
	scope := &data.ScopeMetrics[0]
	large := metricdata.DataPoint[int64]{
		Attributes: attribute.NewSet(attribute.String("huge", strings.Repeat("x", 9000))),
	}
	scope.Metrics = append([]metricdata.Metrics{
		{
			Name: "large",
			Data: metricdata.Sum[int64]{
				Temporality: metricdata.DeltaTemporality,
				DataPoints:  []metricdata.DataPoint[int64]{large},
			},
		},
		{Name: "unknown"},
	}, scope.Metrics...)

	err := exporter.Export(t.Context(), data)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorContains(t, err, "huge", "the largest attribute is named")
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, 3, partial.Written)
	assert.Equal(t, 1, partial.DroppedPoints)
	assert.Equal(t, metrictest.Numbers(3), fake.sums(t))
}

func TestMessageBeyondFtraceIsCounted(t *testing.T) {
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	data := metrictest.CountingSums(1)
	points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	points[0].Attributes = attribute.NewSet(attribute.String("long", strings.Repeat("x", 6000)))
	require.NoError(t, exporter.Export(t.Context(), data))
	assert.Len(t, fake.events, 1)
	status := exporter.Status()
	assert.EqualValues(t, 1, status.OversizePoints)
	if ftraceMax < 6000 {
		assert.EqualValues(t, 1, status.BeyondFtrace)
	}
}

func TestPartialErrorIsBounded(t *testing.T) {
	exporter, _ := enabledExporter(t)
	data := metrictest.CountingSums(0)
	for i := range 1000 {
		data.ScopeMetrics[0].Metrics = append(data.ScopeMetrics[0].Metrics, metricdata.Metrics{
			Name: fmt.Sprintf("large %d", i),
			Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
				{Attributes: attribute.NewSet(attribute.String("huge", strings.Repeat("x", 9000)))},
			}},
		})
	}
	err := exporter.Export(t.Context(), data)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	assert.Len(t, partial.Dropped, 64)
	assert.Equal(t, 1000, partial.DroppedPoints)
	assert.Equal(t, 1000-64, partial.Unlisted)
	assert.Less(t, len(err.Error()), 2000)
	assert.ErrorContains(t, err, "1000 of 1000")
	assert.ErrorContains(t, err, "59 more reasons")
}

func TestRegistrationNeverTakesTheApplicationDown(t *testing.T) {
	handled := metrictest.CatchErrors(t)
	fake := &fakeTracepoint{}
	fake.enabled.Store(true)
	failure := error(syscall.ENOENT)
	attempts := 0
	open := func(string) (registration, error) {
		attempts++
		if failure != nil {
			return nil, failure
		}
		return fake, nil
	}
	exporter, err := newExporter(open)
	require.NoError(t, err)
	assert.ErrorIs(t, exporter.Status().Err, syscall.ENOENT)
	assert.False(t, exporter.Status().Registered)
	assert.False(t, exporter.Enabled())

	for range 3 {
		require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	}
	assert.Equal(t, 4, attempts, "each Export tries again")
	require.Len(t, handled.All(), 1, "the same reason is reported once")
	assert.ErrorIs(t, handled.All()[0], syscall.ENOENT)

	failure = syscall.EACCES
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	require.Len(t, handled.All(), 2, "another reason is reported")
	assert.ErrorIs(t, exporter.Status().Err, syscall.EACCES)

	failure = nil
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	assert.Equal(t, metrictest.Numbers(1), fake.sums(t), "the Export that could register has written")
	assert.True(t, exporter.Status().Registered)
	assert.NoError(t, exporter.Status().Err)
	assert.True(t, exporter.Status().Enabled)
	require.Len(t, handled.All(), 2)
}

// An error handler may do with the exporter what it likes.
func TestErrorHandlerThatCallsTheExporter(t *testing.T) {
	before := otel.GetErrorHandler()
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	var exporter *Exporter
	reported := 0
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {
		reported++
		if exporter == nil {
			return // New has not returned yet
		}
		assert.NoError(t, exporter.Export(context.Background(), metrictest.CountingSums(1)))
		assert.NoError(t, exporter.Shutdown(context.Background()))
	}))
	failure := syscall.ENOENT
	var err error
	exporter, err = newExporter(func(string) (registration, error) { return nil, failure })
	require.NoError(t, err)
	failure = syscall.EACCES
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	assert.Equal(t, 2, reported)
	assert.ErrorIs(t, exporter.Export(t.Context(), metrictest.CountingSums(1)), sdkmetric.ErrExporterShutdown)
}

func TestRequired(t *testing.T) {
	handled := metrictest.CatchErrors(t)
	_, err := newExporter(func(string) (registration, error) { return nil, syscall.EACCES }, WithRequired())
	require.ErrorIs(t, err, syscall.EACCES)
	assert.ErrorContains(t, err, "otlp_metrics")
	assert.Empty(t, handled.All(), "the caller has the error")

	_, err = newExporter(noTracepoint, WithRequired())
	require.NoError(t, err)
}

// As on every system but Linux.
func TestBuildThatExportsNothingSaysSoOnce(t *testing.T) {
	handled := metrictest.CatchErrors(t)
	none := fmt.Errorf("this build exports nothing: %w", errors.ErrUnsupported)
	exporter, err := newExporter(func(string) (registration, error) { return nil, none })
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1)))
	}
	require.Len(t, handled.All(), 1)
	assert.ErrorIs(t, handled.All()[0], errors.ErrUnsupported)
	assert.NotContains(t, handled.All()[0].Error(), "tries again")
	assert.ErrorIs(t, exporter.Status().Err, errors.ErrUnsupported)
	require.NoError(t, exporter.Shutdown(t.Context()))

	_, err = newExporter(func(string) (registration, error) { return nil, none }, WithRequired())
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestContextEndsTheWaitForARunningExport(t *testing.T) {
	exporter, fake := enabledExporter(t)
	writing, goOn := fake.holdFirstWrite()
	exported := make(chan error)
	go func() { exported <- exporter.Export(context.Background(), metrictest.CountingSums(5)) }()
	<-writing
	over, cancel := context.WithCancel(t.Context())
	cancel()
	err := exporter.Export(over, metrictest.CountingSums(3))
	close(goOn)
	require.NoError(t, <-exported)

	require.ErrorIs(t, err, context.Canceled)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, 3, partial.DroppedPoints)
}

func TestEverythingConcurrentSafe(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(0, 0))
	const goroutines, cycles, points = 50, 20, 10
	var written atomic.Int64
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for range cycles {
				switch err := exporter.Export(t.Context(), metrictest.CountingSums(points)); {
				case err == nil:
					written.Add(points)
				default:
					assert.ErrorIs(t, err, sdkmetric.ErrExporterShutdown)
				}
				_ = exporter.ForceFlush(t.Context())
				_ = exporter.Status()
				_ = exporter.Enabled()
				_ = exporter.MarshalLog()
				_ = exporter.Temporality(sdkmetric.InstrumentKindCounter)
				_ = exporter.Aggregation(sdkmetric.InstrumentKindCounter)
			}
			if i == goroutines/2 {
				assert.NoError(t, exporter.Shutdown(t.Context()))
			}
		})
	}
	group.Wait()
	assert.Len(t, fake.sums(t), int(exporter.Status().Points))
	assert.LessOrEqual(t, int64(exporter.Status().Points), written.Load())
}

func TestMarshalLog(t *testing.T) {
	exporter, _ := enabledExporter(t, WithTracepointName("named"))
	text := fmt.Sprintf("%+v", exporter.MarshalLog())
	for _, part := range []string{"Type:user_events", "Tracepoint:named", "Registered:true"} {
		assert.Contains(t, text, part)
	}
}
