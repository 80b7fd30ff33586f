// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

// aggregation is what all data points of a metric have in common.
type aggregation struct {
	field       protowire.Number // the member of Metric.data
	temporality uint64           // 0 for gauges and summaries, which have none
	monotonic   bool
	points      int
}

// inspect describes the data of a metric. Its error matches ErrUnsupported; points are counted even then, where the
// kind is known.
func inspect(data metricdata.Aggregation) (aggregation, error) {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		return aggregation{field: metricGauge, points: len(d.DataPoints)}, nil
	case metricdata.Gauge[float64]:
		return aggregation{field: metricGauge, points: len(d.DataPoints)}, nil
	case metricdata.Sum[int64]:
		return withTemporality(metricSum, d.Temporality, d.IsMonotonic, len(d.DataPoints))
	case metricdata.Sum[float64]:
		return withTemporality(metricSum, d.Temporality, d.IsMonotonic, len(d.DataPoints))
	case metricdata.Histogram[int64]:
		return withTemporality(metricHistogram, d.Temporality, false, len(d.DataPoints))
	case metricdata.Histogram[float64]:
		return withTemporality(metricHistogram, d.Temporality, false, len(d.DataPoints))
	case metricdata.ExponentialHistogram[int64]:
		return withTemporality(metricExponentialHistogram, d.Temporality, false, len(d.DataPoints))
	case metricdata.ExponentialHistogram[float64]:
		return withTemporality(metricExponentialHistogram, d.Temporality, false, len(d.DataPoints))
	case metricdata.Summary:
		return aggregation{field: metricSummary, points: len(d.DataPoints)}, nil
	default:
		return aggregation{}, fmt.Errorf("%w: data of type %T", ErrUnsupported, data)
	}
}

func withTemporality(
	field protowire.Number, t metricdata.Temporality, monotonic bool, points int,
) (aggregation, error) {
	a := aggregation{field: field, monotonic: monotonic, points: points}
	switch t {
	case metricdata.DeltaTemporality:
		a.temporality = temporalityDelta
	case metricdata.CumulativeTemporality:
		a.temporality = temporalityCumulative
	default:
		return a, fmt.Errorf("%w: temporality %d", ErrUnsupported, t)
	}
	return a, nil
}

// dataPoint is one point of any kind.
type dataPoint interface {
	// encode appends the content of the point's message, with or without its exemplars.
	encode(w *writer, exemplars bool)
	// exemplars returns how many there are.
	exemplars() int
	attributes() *attribute.Set
}

// pointAt returns the data point at index i of data, whose kind inspect knows. The pointer that the interface holds
// leads into data: nothing is copied or allocated.
func pointAt(data metricdata.Aggregation, i int) dataPoint {
	switch d := data.(type) {
	case metricdata.Gauge[int64]:
		return (*numberPoint[int64])(&d.DataPoints[i])
	case metricdata.Gauge[float64]:
		return (*numberPoint[float64])(&d.DataPoints[i])
	case metricdata.Sum[int64]:
		return (*numberPoint[int64])(&d.DataPoints[i])
	case metricdata.Sum[float64]:
		return (*numberPoint[float64])(&d.DataPoints[i])
	case metricdata.Histogram[int64]:
		return (*histogramPoint[int64])(&d.DataPoints[i])
	case metricdata.Histogram[float64]:
		return (*histogramPoint[float64])(&d.DataPoints[i])
	case metricdata.ExponentialHistogram[int64]:
		return (*exponentialPoint[int64])(&d.DataPoints[i])
	case metricdata.ExponentialHistogram[float64]:
		return (*exponentialPoint[float64])(&d.DataPoints[i])
	case metricdata.Summary:
		return (*summaryPoint)(&d.DataPoints[i])
	default:
		panic(fmt.Sprintf("otlp: data of type %T has passed inspect", data))
	}
}

// CountPoints returns the number of data points in rm, of every metric whose kind is known.
func CountPoints(rm *metricdata.ResourceMetrics) int {
	if rm == nil {
		return 0
	}
	n := 0
	for _, scope := range rm.ScopeMetrics {
		for _, metric := range scope.Metrics {
			a, _ := inspect(metric.Data)
			n += a.points
		}
	}
	return n
}
