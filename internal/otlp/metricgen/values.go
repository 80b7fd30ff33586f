// SPDX-License-Identifier: Apache-2.0

package metricgen

import (
	"fmt"
	"math"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// set returns a set of up to limit attributes, now and then of more, or one that it has returned before, as the metrics
// of a service share theirs.
func (g *generator) set(limit int) attribute.Set {
	if len(g.sets) > 0 && g.one(4) {
		g.made(SharedSet)
		return g.sets[g.intn(len(g.sets))]
	}
	n := g.count(limit)
	if g.one(16) {
		g.made(LargeSet)
		n = typedSets + 1 + g.count(5)
	}
	set := attribute.NewSet(g.attributes(n)...)
	g.sets = append(g.sets, set)
	return set
}

// typedSets is the largest number of attributes for which the API has a type; it makes those of larger sets.
const typedSets = 10

// keyValues returns up to limit attributes.
func (g *generator) keyValues(limit int) []attribute.KeyValue { return g.attributes(g.count(limit)) }

func (g *generator) attributes(n int) []attribute.KeyValue {
	if n == 0 {
		g.made(NoAttributes)
	}
	var kvs []attribute.KeyValue
	for i := range n {
		key := fmt.Sprintf("k%d", i)
		if g.one(5) {
			key += g.string()
		}
		kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(key), Value: g.value(0)})
	}
	return kvs
}

// maxDepth is how many slices and maps may stand one inside the other.
const maxDepth = 5

func (g *generator) value(depth int) attribute.Value {
	n := 12
	if depth == maxDepth {
		n = 10 // neither slices nor maps
	}
	switch g.intn(n) {
	default:
		g.made(AttributeString)
		return attribute.StringValue(g.string())
	case 1:
		g.made(AttributeBool)
		return attribute.BoolValue(g.one(2))
	case 2:
		g.made(AttributeInt64)
		return attribute.Int64Value(g.int64())
	case 3:
		g.made(AttributeFloat64)
		return attribute.Float64Value(g.float64())
	case 4:
		g.made(AttributeEmpty)
		return attribute.Value{}
	case 5:
		g.made(AttributeBoolSlice)
		return attribute.BoolSliceValue(elements(g, func() bool { return g.one(2) }))
	case 6:
		g.made(AttributeInt64Slice)
		return attribute.Int64SliceValue(elements(g, g.int64))
	case 7:
		g.made(AttributeFloat64Slice)
		return attribute.Float64SliceValue(elements(g, g.float64))
	case 8:
		g.made(AttributeStringSlice)
		return attribute.StringSliceValue(elements(g, g.string))
	case 9:
		g.made(AttributeBytes)
		return attribute.ByteSliceValue(g.bytes(g.length()))
	case 10:
		g.made(AttributeSlice)
		g.nested(depth)
		return attribute.SliceValue(elements(g, func() attribute.Value { return g.value(depth + 1) })...)
	case 11:
		g.made(AttributeMap)
		g.nested(depth)
		return attribute.MapValue(elements(g, func() attribute.KeyValue {
			return attribute.KeyValue{Key: attribute.Key(g.string()), Value: g.value(depth + 1)}
		})...)
	}
}

func (g *generator) nested(depth int) {
	if depth > 0 {
		g.made(AttributeNested)
	}
}

func elements[E any](g *generator, element func() E) []E {
	var s []E
	for range min(g.count(7), g.options.MaxLength/10) {
		s = append(s, element())
	}
	return s
}

func (g *generator) int64() int64 {
	switch g.intn(6) {
	case 0:
		g.made(Zero)
		return 0
	case 1:
		g.made(Negative)
		return -int64(g.uint64() >> 1)
	case 2:
		return math.MaxInt64
	case 3:
		return math.MinInt64
	default:
		return int64(g.uint64())
	}
}

func (g *generator) float64() float64 {
	switch g.intn(10) {
	case 0:
		g.made(Zero)
		return 0
	case 1:
		g.made(NegativeZero)
		return math.Copysign(0, -1)
	case 2:
		g.made(NaN)
		return math.NaN()
	case 3:
		g.made(Infinity)
		return math.Inf(1 - 2*g.intn(2))
	case 4:
		g.made(Negative)
		return -float64(g.uint64())
	case 5:
		return math.SmallestNonzeroFloat64
	default:
		return float64(g.intn(256)) / 8
	}
}

// length returns the length of a string: short ones are likelier, and one in 32 may have any length.
func (g *generator) length() int {
	switch {
	case g.one(32):
		return g.intn(g.options.MaxLength + 1)
	case g.one(8):
		return g.intn(min(150, g.options.MaxLength) + 1)
	default:
		return g.intn(min(12, g.options.MaxLength) + 1)
	}
}

const (
	ascii   = "abcdefghijklmnopqrstuvwxyz.0123456789-"
	unicode = "é€😀ß→\u0000\uFFFD"
	invalid = "a\xffb\xc3\xc3\xf0\x9f\x98\xed\xa0\x80"
)

func (g *generator) string() string {
	n := g.length()
	if n == 0 {
		g.made(EmptyString)
	}
	if n >= 128 {
		g.made(LongString)
	}
	switch {
	case g.options.InvalidUTF8 && n > 0 && g.one(6):
		g.made(InvalidUTF8)
		return "\xff" + repeat(invalid, n-1)
	case n >= 2 && g.one(6):
		g.made(NotASCII)
		// Cut where a character ends.
		return strings.ToValidUTF8("é"+repeat(unicode, n-2), "")
	default:
		return repeat(ascii, n)
	}
}

func (g *generator) bytes(n int) []byte { return []byte(repeat("\x00\x01\xfe\xff", n)) }

// repeat returns n bytes of s, over and over.
func repeat(s string, n int) string { return strings.Repeat(s, n/len(s)+1)[:n] }
