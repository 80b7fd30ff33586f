// SPDX-License-Identifier: Apache-2.0

package metricgen

// Kind is something that encoders have to treat in its own way.
type Kind string

// Kinds of data.
const (
	GaugeInt64                  Kind = "Gauge[int64]"
	GaugeFloat64                Kind = "Gauge[float64]"
	SumInt64                    Kind = "Sum[int64]"
	SumFloat64                  Kind = "Sum[float64]"
	HistogramInt64              Kind = "Histogram[int64]"
	HistogramFloat64            Kind = "Histogram[float64]"
	ExponentialHistogramInt64   Kind = "ExponentialHistogram[int64]"
	ExponentialHistogramFloat64 Kind = "ExponentialHistogram[float64]"
	Summary                     Kind = "Summary"

	Delta      Kind = "delta temporality"
	Cumulative Kind = "cumulative temporality"
	Monotonic  Kind = "monotonic"

	EmptyBuckets  Kind = "histogram without buckets"
	OddBuckets    Kind = "histogram whose counts do not match its bounds"
	Extrema       Kind = "minimum or maximum"
	NoExtrema     Kind = "no minimum or maximum"
	ZeroThreshold Kind = "zero threshold"
	NoQuantiles   Kind = "summary without quantiles"

	ExemplarInt64      Kind = "exemplar of int64"
	ExemplarFloat64    Kind = "exemplar of float64"
	ExemplarAttributes Kind = "exemplar with attributes"
	ExemplarTrace      Kind = "exemplar with trace and span"
)

// Kinds of values.
const (
	NaN            Kind = "NaN"
	Infinity       Kind = "infinity"
	NegativeZero   Kind = "-0"
	Zero           Kind = "zero"
	Negative       Kind = "negative number"
	ZeroTime       Kind = "zero time"
	TimeBefore1970 Kind = "time before 1970"

	AttributeEmpty        Kind = "attribute EMPTY"
	AttributeBool         Kind = "attribute BOOL"
	AttributeInt64        Kind = "attribute INT64"
	AttributeFloat64      Kind = "attribute FLOAT64"
	AttributeString       Kind = "attribute STRING"
	AttributeBoolSlice    Kind = "attribute BOOLSLICE"
	AttributeInt64Slice   Kind = "attribute INT64SLICE"
	AttributeFloat64Slice Kind = "attribute FLOAT64SLICE"
	AttributeStringSlice  Kind = "attribute STRINGSLICE"
	AttributeBytes        Kind = "attribute BYTESLICE"
	AttributeSlice        Kind = "attribute SLICE"
	AttributeMap          Kind = "attribute MAP"
	AttributeNested       Kind = "slice or map in a slice or map"
	NoAttributes          Kind = "no attributes"
	SharedSet             Kind = "attribute set of another data point"
	LargeSet              Kind = "attribute set of more than ten"

	EmptyString Kind = "empty string"
	LongString  Kind = "string of 128 bytes or more"
	NotASCII    Kind = "string beyond ASCII"
	EmptyName   Kind = "empty name"
)

// Kinds of headers.
const (
	NilResource       Kind = "nil resource"
	EmptyResource     Kind = "empty resource"
	ResourceSchemaURL Kind = "schema URL of the resource"
	ScopeVersion      Kind = "scope version"
	ScopeSchemaURL    Kind = "schema URL of the scope"
	ScopeAttributes   Kind = "scope attributes"
)

// Kinds that only Options bring about.
const (
	InvalidUTF8        Kind = "invalid UTF-8"
	EmptyScope         Kind = "scope without metrics"
	EmptyMetric        Kind = "metric without data points"
	NilData            Kind = "nil data"
	ForeignData        Kind = "data of a foreign type"
	UnknownTemporality Kind = "unknown temporality"
)

// Kinds returns what Generate makes sooner or later under the given options.
func Kinds(options Options) []Kind {
	kinds := []Kind{
		GaugeInt64, GaugeFloat64, SumInt64, SumFloat64, HistogramInt64, HistogramFloat64, ExponentialHistogramInt64,
		ExponentialHistogramFloat64, Summary,
		Delta, Cumulative, Monotonic, EmptyBuckets, OddBuckets, Extrema, NoExtrema, ZeroThreshold, NoQuantiles,
		ExemplarInt64, ExemplarFloat64, ExemplarAttributes, ExemplarTrace,
		NaN, Infinity, NegativeZero, Zero, Negative, ZeroTime, TimeBefore1970,
		AttributeEmpty, AttributeBool, AttributeInt64, AttributeFloat64, AttributeString, AttributeBoolSlice,
		AttributeInt64Slice, AttributeFloat64Slice, AttributeStringSlice, AttributeBytes, AttributeSlice, AttributeMap,
		AttributeNested, NoAttributes, SharedSet, LargeSet,
		EmptyString, LongString, NotASCII, EmptyName,
		NilResource, EmptyResource, ResourceSchemaURL, ScopeVersion, ScopeSchemaURL, ScopeAttributes,
	}
	if options.InvalidUTF8 {
		kinds = append(kinds, InvalidUTF8)
	}
	if options.Empty {
		kinds = append(kinds, EmptyScope, EmptyMetric)
	}
	if options.Unsupported {
		kinds = append(kinds, NilData, ForeignData, UnknownTemporality)
	}
	return kinds
}
