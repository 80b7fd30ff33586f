// SPDX-License-Identifier: Apache-2.0

package otlp

import "google.golang.org/protobuf/encoding/protowire"

// Field numbers of OTLP 1.x, as in opentelemetry/proto/{collector/metrics,metrics,resource,common}/v1/*.proto. All are
// below 16, so each tag is one byte.
const (
	exportResourceMetrics protowire.Number = 1 // ExportMetricsServiceRequest

	resourceMetricsResource     protowire.Number = 1 // ResourceMetrics
	resourceMetricsScopeMetrics protowire.Number = 2
	resourceMetricsSchemaURL    protowire.Number = 3

	resourceAttributes protowire.Number = 1 // Resource

	scopeMetricsScope     protowire.Number = 1 // ScopeMetrics
	scopeMetricsMetrics   protowire.Number = 2
	scopeMetricsSchemaURL protowire.Number = 3

	scopeName       protowire.Number = 1 // InstrumentationScope
	scopeVersion    protowire.Number = 2
	scopeAttributes protowire.Number = 3

	metricName                 protowire.Number = 1 // Metric
	metricDescription          protowire.Number = 2
	metricUnit                 protowire.Number = 3
	metricGauge                protowire.Number = 5
	metricSum                  protowire.Number = 7
	metricHistogram            protowire.Number = 9
	metricExponentialHistogram protowire.Number = 10
	metricSummary              protowire.Number = 11

	dataPoints      protowire.Number = 1 // Gauge, Sum, Histogram, ExponentialHistogram, Summary
	dataTemporality protowire.Number = 2 // Sum, Histogram, ExponentialHistogram
	dataIsMonotonic protowire.Number = 3 // Sum

	pointStartTime protowire.Number = 2 // all five kinds of data point
	pointTime      protowire.Number = 3

	numberAsDouble   protowire.Number = 4 // NumberDataPoint
	numberExemplars  protowire.Number = 5
	numberAsInt      protowire.Number = 6
	numberAttributes protowire.Number = 7

	histogramCount        protowire.Number = 4 // HistogramDataPoint
	histogramSum          protowire.Number = 5
	histogramBucketCounts protowire.Number = 6
	histogramBounds       protowire.Number = 7
	histogramExemplars    protowire.Number = 8
	histogramAttributes   protowire.Number = 9
	histogramMin          protowire.Number = 11
	histogramMax          protowire.Number = 12

	exponentialAttributes    protowire.Number = 1 // ExponentialHistogramDataPoint
	exponentialCount         protowire.Number = 4
	exponentialSum           protowire.Number = 5
	exponentialScale         protowire.Number = 6
	exponentialZeroCount     protowire.Number = 7
	exponentialPositive      protowire.Number = 8
	exponentialNegative      protowire.Number = 9
	exponentialExemplars     protowire.Number = 11
	exponentialMin           protowire.Number = 12
	exponentialMax           protowire.Number = 13
	exponentialZeroThreshold protowire.Number = 14

	bucketsOffset protowire.Number = 1 // ExponentialHistogramDataPoint.Buckets
	bucketsCounts protowire.Number = 2

	summaryCount      protowire.Number = 4 // SummaryDataPoint
	summarySum        protowire.Number = 5
	summaryQuantiles  protowire.Number = 6
	summaryAttributes protowire.Number = 7

	quantileQuantile protowire.Number = 1 // SummaryDataPoint.ValueAtQuantile
	quantileValue    protowire.Number = 2

	exemplarTime       protowire.Number = 2 // Exemplar
	exemplarAsDouble   protowire.Number = 3
	exemplarSpanID     protowire.Number = 4
	exemplarTraceID    protowire.Number = 5
	exemplarAsInt      protowire.Number = 6
	exemplarAttributes protowire.Number = 7

	keyValueKey   protowire.Number = 1 // KeyValue
	keyValueValue protowire.Number = 2

	anyString protowire.Number = 1 // AnyValue
	anyBool   protowire.Number = 2
	anyInt    protowire.Number = 3
	anyDouble protowire.Number = 4
	anyArray  protowire.Number = 5
	anyKvlist protowire.Number = 6
	anyBytes  protowire.Number = 7

	listValues protowire.Number = 1 // ArrayValue, KeyValueList
)

// Values of the AggregationTemporality enum. Zero, its UNSPECIFIED, is never sent.
const (
	temporalityDelta      uint64 = 1
	temporalityCumulative uint64 = 2
)
