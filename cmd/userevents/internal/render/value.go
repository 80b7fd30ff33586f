// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/hex"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// Attributes writes attributes as key=value with blanks between, in the order of
// the message. It is safe for a terminal.
func Attributes(attributes pcommon.Map) string {
	var b strings.Builder
	writeMap(&b, attributes, " ")
	return b.String()
}

// Value writes the value of an attribute as it was sent. Two values that differ,
// also in their types, have different texts.
func Value(v pcommon.Value) string {
	var b strings.Builder
	writeValue(&b, v)
	return b.String()
}

func writeMap(b *strings.Builder, m pcommon.Map, separator string) {
	first := true
	for k, v := range m.All() {
		if !first {
			b.WriteString(separator)
		}
		first = false
		b.WriteString(Key(k))
		b.WriteByte('=')
		writeValue(b, v)
	}
}

func writeValue(b *strings.Builder, v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		b.WriteString(stringValue(v.Str()))
	case pcommon.ValueTypeBool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case pcommon.ValueTypeInt:
		b.WriteString(strconv.FormatInt(v.Int(), 10))
	case pcommon.ValueTypeDouble:
		b.WriteString(doubleValue(v.Double()))
	case pcommon.ValueTypeBytes:
		b.WriteString("0x")
		b.WriteString(hex.EncodeToString(v.Bytes().AsRaw()))
	case pcommon.ValueTypeSlice:
		b.WriteByte('[')
		for i, e := range v.Slice().All() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeValue(b, e)
		}
		b.WriteByte(']')
	case pcommon.ValueTypeMap:
		b.WriteByte('{')
		writeMap(b, v.Map(), ",")
		b.WriteByte('}')
	default:
		b.WriteByte('-')
	}
}

// doubleValue writes a whole number so that it is no integer: 5.0.
func doubleValue(x float64) string {
	s := strconv.FormatFloat(x, 'g', -1, 64)
	if strings.ContainsAny(s, ".eIN") {
		return s
	}
	return s + ".0"
}

// Key writes the key of an attribute, quoted where it would be ambiguous.
func Key(s string) string {
	if s == "" || strings.ContainsAny(s, " =\"',[]{}\\") {
		// Quote leaves what can be printed, as Escape does.
		return strconv.Quote(s)
	}
	return Escape(s)
}

// stringValue is a key's text, but quoted also where it would be a value of
// another type.
func stringValue(s string) string {
	_, err := strconv.ParseFloat(s, 64)
	if err == nil || s == "true" || s == "false" || s == "-" || strings.HasPrefix(s, "0x") {
		return strconv.Quote(s)
	}
	return Key(s)
}

const (
	// Exact is the number of digits that keeps every digit of a number.
	Exact = -1
	// averageDigits are those of averages, which nobody sent and which need not end.
	averageDigits = 6
	// maxQuantiles bounds what of a summary is shown.
	maxQuantiles = 10
)

// DataPoint writes the value of a data point with at most so many significant
// digits: a number, or the parts n=, avg=, sum=, min=, max= and quantiles such as
// p99=, those that were sent, with the separator between them. Without a value it
// is "-".
func DataPoint(d source.DataPoint, digits int, separator string) string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', digits, 64) }
	var parts []string
	add := func(wanted bool, name string, x float64) {
		if wanted {
			parts = append(parts, name+"="+number(x))
		}
	}
	count := func(n uint64, sum float64, hasSum bool) {
		parts = append(parts, "n="+strconv.FormatUint(n, 10))
		// The average first: where the terminal is narrow, the end is cut.
		if hasSum && n > 0 {
			parts = append(parts, "avg="+strconv.FormatFloat(sum/float64(n), 'g', averageDigits, 64))
		}
		add(hasSum, "sum", sum)
	}
	if !source.HasValue(d) {
		return "-"
	}
	switch p := d.(type) {
	case pmetric.NumberDataPoint:
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			return strconv.FormatInt(p.IntValue(), 10)
		}
		return number(p.DoubleValue())
	case interface { // a histogram of either kind
		Count() uint64
		Sum() float64
		HasSum() bool
		Min() float64
		HasMin() bool
		Max() float64
		HasMax() bool
	}:
		count(p.Count(), p.Sum(), p.HasSum())
		add(p.HasMin(), "min", p.Min())
		add(p.HasMax(), "max", p.Max())
	case pmetric.SummaryDataPoint:
		count(p.Count(), p.Sum(), true)
		for i, q := range p.QuantileValues().All() {
			if i == maxQuantiles {
				parts = append(parts, "...")
				break
			}
			add(true, "p"+strconv.FormatFloat(q.Quantile()*100, 'g', 6, 64), q.Value())
		}
	}
	return strings.Join(parts, separator)
}
