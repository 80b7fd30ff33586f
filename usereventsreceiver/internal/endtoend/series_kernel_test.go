// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// A service that invents series takes no others' room: what is beyond the bound is dropped and counted, nothing is
// refused, and the series that are there go on.
func TestKernelShippedSeriesAreBounded(t *testing.T) {
	const bound, requests, each = 20000, 21, 1000
	require.Contains(t, shippedConfig(t), "max_streams: 20000\n")
	c := startShipped(t, t.TempDir(), shippedConfig(t))
	a := startApplication(t, applicationConfig{Counters: true})
	a.awaitListener()
	a.order("export")
	orders := func() float64 { return scrape(t, shippedPage, "shop_orders", "")[""] }
	require.Eventually(t, func() bool { return orders() == 1 }, waitLimit, 10*waitTick)

	for request := range requests {
		response, err := http.Post("http://127.0.0.1:4318/v1/metrics", "application/x-protobuf",
			bytes.NewReader(inventedSeries(t, request*each, each)))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	assert.Equal(t, float64(1+requests*each-bound), c.counted("otelcol_deltatocumulative_datapoints", "error")["limit"])
	a.order("export")
	a.order("export")
	require.Eventually(t, func() bool { return orders() == 3 }, waitLimit, 10*waitTick)
	assert.Empty(t, c.counted("otelcol_processor_memory_limiter_refused_metric_points", ""))
	a.end()
	c.stop()
}

// inventedSeries is a request with a delta of each of so many series, from a number on.
func inventedSeries(t *testing.T, from, n int) []byte {
	t.Helper()
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("invented")
	sum := metric.SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	now := time.Now()
	for i := range n {
		point := sum.DataPoints().AppendEmpty()
		point.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Second)))
		point.SetTimestamp(pcommon.NewTimestampFromTime(now))
		point.SetIntValue(1)
		point.Attributes().PutInt("user.id", int64(from+i))
	}
	request, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	require.NoError(t, err)
	return request
}
