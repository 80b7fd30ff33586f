// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func histogram(h pmetric.Histogram) ([]metricdata.Aggregation, error) {
	t, err := temporality(h.AggregationTemporality())
	if err != nil {
		return nil, err
	}
	return splitter[pmetric.HistogramDataPoint, metricdata.HistogramDataPoint[int64], metricdata.HistogramDataPoint[float64]]{
		integer: integers(h.DataPoints().Len(), h.DataPoints().At),
		toInt:   histogramPoint[int64],
		toFloat: histogramPoint[float64],
		ints: func(p []metricdata.HistogramDataPoint[int64]) metricdata.Aggregation {
			return metricdata.Histogram[int64]{DataPoints: p, Temporality: t}
		},
		floats: func(p []metricdata.HistogramDataPoint[float64]) metricdata.Aggregation {
			return metricdata.Histogram[float64]{DataPoints: p, Temporality: t}
		},
	}.split(h.DataPoints().Len(), h.DataPoints().At)
}

func histogramPoint[N int64 | float64](p pmetric.HistogramDataPoint) (out metricdata.HistogramDataPoint[N], err error) {
	if out.Attributes, out.StartTime, out.Time, err = common(p); err != nil {
		return out, err
	}
	if out.Sum, out.Min, out.Max, err = sumMinMax[N](p); err != nil {
		return out, err
	}
	out.Count = p.Count()
	out.Bounds, out.BucketCounts = p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw()
	out.Exemplars, err = exemplars[N](p.Exemplars())
	return out, err
}

func exponential(h pmetric.ExponentialHistogram) ([]metricdata.Aggregation, error) {
	t, err := temporality(h.AggregationTemporality())
	if err != nil {
		return nil, err
	}
	return splitter[pmetric.ExponentialHistogramDataPoint, metricdata.ExponentialHistogramDataPoint[int64], metricdata.ExponentialHistogramDataPoint[float64]]{
		integer: integers(h.DataPoints().Len(), h.DataPoints().At),
		toInt:   exponentialPoint[int64],
		toFloat: exponentialPoint[float64],
		ints: func(p []metricdata.ExponentialHistogramDataPoint[int64]) metricdata.Aggregation {
			return metricdata.ExponentialHistogram[int64]{DataPoints: p, Temporality: t}
		},
		floats: func(p []metricdata.ExponentialHistogramDataPoint[float64]) metricdata.Aggregation {
			return metricdata.ExponentialHistogram[float64]{DataPoints: p, Temporality: t}
		},
	}.split(h.DataPoints().Len(), h.DataPoints().At)
}

func exponentialPoint[N int64 | float64](p pmetric.ExponentialHistogramDataPoint) (out metricdata.ExponentialHistogramDataPoint[N], err error) {
	if out.Attributes, out.StartTime, out.Time, err = common(p); err != nil {
		return out, err
	}
	if out.Sum, out.Min, out.Max, err = sumMinMax[N](p); err != nil {
		return out, err
	}
	out.Count, out.Scale = p.Count(), p.Scale()
	out.ZeroCount, out.ZeroThreshold = p.ZeroCount(), p.ZeroThreshold()
	out.PositiveBucket = exponentialBucket(p.Positive())
	out.NegativeBucket = exponentialBucket(p.Negative())
	out.Exemplars, err = exemplars[N](p.Exemplars())
	return out, err
}

func exponentialBucket(b pmetric.ExponentialHistogramDataPointBuckets) metricdata.ExponentialBucket {
	return metricdata.ExponentialBucket{Offset: b.Offset(), Counts: b.BucketCounts().AsRaw()}
}

// sumMinMax converts what both kinds of histograms have besides their buckets.
func sumMinMax[N int64 | float64](p extremes) (sum N, least, most metricdata.Extrema[N], err error) {
	if !p.HasSum() {
		return sum, least, most, noPlace("a histogram without a sum")
	}
	var ok [3]bool
	var lowest, highest N
	sum, ok[0] = whole[N](p.Sum())
	lowest, ok[1] = whole[N](p.Min()) // 0 where there is none
	highest, ok[2] = whole[N](p.Max())
	if ok != [3]bool{true, true, true} {
		return sum, least, most, noPlace("a histogram with exemplars that are integers and a sum, minimum or maximum that is none")
	}
	if p.HasMin() {
		least = metricdata.NewExtrema(lowest)
	}
	if p.HasMax() {
		most = metricdata.NewExtrema(highest)
	}
	return sum, least, most, nil
}

// histogramData is what the two kinds of histogram points have in common.
type histogramData interface {
	Exemplars() pmetric.ExemplarSlice
	extremes
}

type extremes interface {
	HasSum() bool
	Sum() float64
	HasMin() bool
	Min() float64
	HasMax() bool
	Max() float64
}

// integers tells which data points of a histogram are to be integers: those with
// such exemplars, and of a metric that has any, also those without exemplars, if
// their numbers allow it, since they will be of the same instrument.
func integers[P histogramData](n int, at func(int) P) func(P) bool {
	any := false
	for i := range n {
		any = any || ofIntegers(at(i).Exemplars())
	}
	return func(p P) bool {
		if p.Exemplars().Len() > 0 {
			return ofIntegers(p.Exemplars())
		}
		_, _, _, err := sumMinMax[int64](p)
		return any && err == nil
	}
}

func summary(s pmetric.Summary) ([]metricdata.Aggregation, error) {
	return splitter[pmetric.SummaryDataPoint, metricdata.SummaryDataPoint, metricdata.SummaryDataPoint]{
		integer: func(pmetric.SummaryDataPoint) bool { return false },
		toFloat: summaryPoint,
		floats: func(p []metricdata.SummaryDataPoint) metricdata.Aggregation {
			return metricdata.Summary{DataPoints: p}
		},
	}.split(s.DataPoints().Len(), s.DataPoints().At)
}

func summaryPoint(p pmetric.SummaryDataPoint) (out metricdata.SummaryDataPoint, err error) {
	if out.Attributes, out.StartTime, out.Time, err = common(p); err != nil {
		return out, err
	}
	out.Count, out.Sum = p.Count(), p.Sum()
	for _, q := range p.QuantileValues().All() {
		out.QuantileValues = append(out.QuantileValues, metricdata.QuantileValue{Quantile: q.Quantile(), Value: q.Value()})
	}
	return out, nil
}
