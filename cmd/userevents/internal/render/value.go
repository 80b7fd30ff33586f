// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

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

// Number writes what a data point says with at most so many significant digits: a
// number, or the parts n=, avg=, sum=, min=, max= and quantiles such as p99=, those
// that were sent, with the separator between them. Without a value it is "-".
func Number(v *source.Value, digits int, separator string) string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', digits, 64) }
	switch {
	case v == nil:
		return "-"
	case v.IsInt:
		return strconv.FormatInt(v.Int, 10)
	case !v.Aggregate:
		return number(v.Number)
	}
	parts := []string{"n=" + strconv.FormatUint(v.Count, 10)}
	add := func(name string, x float64) {
		if !math.IsNaN(x) {
			parts = append(parts, name+"="+number(x))
		}
	}
	// The average first: where the terminal is narrow, the end is cut.
	if v.Count > 0 && !math.IsNaN(v.Sum) {
		parts = append(parts, "avg="+strconv.FormatFloat(v.Sum/float64(v.Count), 'g', averageDigits, 64))
	}
	add("sum", v.Sum)
	add("min", v.Min)
	add("max", v.Max)
	for i, q := range v.Quantiles {
		if i == maxQuantiles {
			parts = append(parts, "...")
			break
		}
		add("p"+strconv.FormatFloat(q.Part*100, 'g', 6, 64), q.Value)
	}
	return strings.Join(parts, separator)
}
