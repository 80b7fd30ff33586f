// SPDX-License-Identifier: Apache-2.0

package metricgen

import (
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// foreign is an Aggregation that no encoder can know.
type foreign struct{ metricdata.Aggregation }

func (g *generator) data() metricdata.Aggregation {
	if g.options.Unsupported && g.one(8) {
		if g.one(2) {
			g.made(NilData)
			return nil
		}
		g.made(ForeignData)
		return foreign{}
	}
	switch g.intn(9) {
	case 0:
		g.made(GaugeInt64)
		return metricdata.Gauge[int64]{DataPoints: numberPoints(g, g.int64)}
	case 1:
		g.made(GaugeFloat64)
		return metricdata.Gauge[float64]{DataPoints: numberPoints(g, g.float64)}
	case 2:
		g.made(SumInt64)
		return metricdata.Sum[int64]{
			Temporality: g.temporality(),
			IsMonotonic: g.monotonic(),
			DataPoints:  numberPoints(g, g.int64),
		}
	case 3:
		g.made(SumFloat64)
		return metricdata.Sum[float64]{
			Temporality: g.temporality(),
			IsMonotonic: g.monotonic(),
			DataPoints:  numberPoints(g, g.float64),
		}
	case 4:
		g.made(HistogramInt64)
		return metricdata.Histogram[int64]{Temporality: g.temporality(), DataPoints: histogramPoints(g, g.int64)}
	case 5:
		g.made(HistogramFloat64)
		return metricdata.Histogram[float64]{Temporality: g.temporality(), DataPoints: histogramPoints(g, g.float64)}
	case 6:
		g.made(ExponentialHistogramInt64)
		return metricdata.ExponentialHistogram[int64]{
			Temporality: g.temporality(),
			DataPoints:  exponentialPoints(g, g.int64),
		}
	case 7:
		g.made(ExponentialHistogramFloat64)
		return metricdata.ExponentialHistogram[float64]{
			Temporality: g.temporality(),
			DataPoints:  exponentialPoints(g, g.float64),
		}
	default:
		g.made(Summary)
		return metricdata.Summary{DataPoints: g.summaryPoints()}
	}
}

func (g *generator) temporality() metricdata.Temporality {
	if g.options.Unsupported && g.one(12) {
		g.made(UnknownTemporality)
		return metricdata.Temporality(3 + g.intn(2))
	}
	if g.one(2) {
		g.made(Delta)
		return metricdata.DeltaTemporality
	}
	g.made(Cumulative)
	return metricdata.CumulativeTemporality
}

func (g *generator) monotonic() bool {
	if g.one(2) {
		g.made(Monotonic)
		return true
	}
	return false
}

// points returns how many data points to make.
func (g *generator) points() int {
	if g.options.Empty && g.one(8) {
		g.made(EmptyMetric)
		return 0
	}
	if g.one(6) {
		return 1 + g.count(60)
	}
	return 1 + g.count(8)
}

func numberPoints[N int64 | float64](g *generator, value func() N) []metricdata.DataPoint[N] {
	points := make([]metricdata.DataPoint[N], g.points())
	for i := range points {
		points[i] = metricdata.DataPoint[N]{
			Attributes: g.set(6),
			StartTime:  g.startTime(),
			Time:       g.time(),
			Value:      value(),
			Exemplars:  exemplars(g, value),
		}
	}
	return points
}

func histogramPoints[N int64 | float64](g *generator, value func() N) []metricdata.HistogramDataPoint[N] {
	points := make([]metricdata.HistogramDataPoint[N], g.points())
	for i := range points {
		points[i] = metricdata.HistogramDataPoint[N]{
			Attributes: g.set(6),
			StartTime:  g.startTime(),
			Time:       g.time(),
			Count:      g.uint64(),
			Min:        extremum(g, value),
			Max:        extremum(g, value),
			Sum:        value(),
			Exemplars:  exemplars(g, value),
		}
		counts := g.counter()
		bounds := len(counts) - 1
		switch {
		case g.one(6):
			g.made(OddBuckets)
			bounds = len(counts) + 2
		case bounds < 0:
			g.made(EmptyBuckets)
			continue
		}
		points[i].BucketCounts = counts
		for range bounds {
			points[i].Bounds = append(points[i].Bounds, g.float64())
		}
	}
	return points
}

func exponentialPoints[N int64 | float64](g *generator, value func() N) []metricdata.ExponentialHistogramDataPoint[N] {
	points := make([]metricdata.ExponentialHistogramDataPoint[N], g.points())
	for i := range points {
		points[i] = metricdata.ExponentialHistogramDataPoint[N]{
			Attributes:     g.set(6),
			StartTime:      g.startTime(),
			Time:           g.time(),
			Count:          g.uint64(),
			Min:            extremum(g, value),
			Max:            extremum(g, value),
			Sum:            value(),
			Scale:          int32(g.intn(32)) - 11,
			ZeroCount:      g.uint64(),
			PositiveBucket: metricdata.ExponentialBucket{Offset: int32(g.int64()), Counts: g.counter()},
			NegativeBucket: metricdata.ExponentialBucket{Offset: int32(g.int64()), Counts: g.counter()},
			Exemplars:      exemplars(g, value),
		}
		if g.one(3) {
			g.made(ZeroThreshold)
			points[i].ZeroThreshold = g.float64()
		}
	}
	return points
}

func (g *generator) summaryPoints() []metricdata.SummaryDataPoint {
	points := make([]metricdata.SummaryDataPoint, g.points())
	for i := range points {
		points[i] = metricdata.SummaryDataPoint{
			Attributes: g.set(6),
			StartTime:  g.startTime(),
			Time:       g.time(),
			Count:      g.uint64(),
			Sum:        g.float64(),
		}
		n := g.count(5)
		if n == 0 {
			g.made(NoQuantiles)
		}
		for range n {
			points[i].QuantileValues = append(points[i].QuantileValues, metricdata.QuantileValue{
				Quantile: g.float64(), Value: g.float64(),
			})
		}
	}
	return points
}

// counter returns the counts of some buckets.
func (g *generator) counter() []uint64 {
	var counts []uint64
	for range g.length() / 10 {
		counts = append(counts, g.uint64())
	}
	return counts
}

func extremum[N int64 | float64](g *generator, value func() N) metricdata.Extrema[N] {
	if g.one(2) {
		g.made(Extrema)
		return metricdata.NewExtrema(value())
	}
	g.made(NoExtrema)
	return metricdata.Extrema[N]{}
}

func exemplars[N int64 | float64](g *generator, value func() N) []metricdata.Exemplar[N] {
	if !g.one(4) {
		return nil
	}
	exemplars := make([]metricdata.Exemplar[N], 1+g.count(4))
	for i := range exemplars {
		e := &exemplars[i]
		switch any(e.Value).(type) {
		case int64:
			g.made(ExemplarInt64)
		case float64:
			g.made(ExemplarFloat64)
		}
		e.Time, e.Value = g.time(), value()
		if g.one(2) {
			g.made(ExemplarAttributes)
			e.FilteredAttributes = g.keyValues(3)
		}
		if g.one(2) {
			g.made(ExemplarTrace)
			e.TraceID, e.SpanID = g.bytes(16), g.bytes(8)
		}
	}
	return exemplars
}
