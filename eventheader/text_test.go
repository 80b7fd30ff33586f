// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// decoded returns the one field that build has added.
func decoded(t *testing.T, build func(b *builder)) *eventheader.Field {
	t.Helper()
	var b builder
	build(b.Reset("e", 0))
	data, err := b.Bytes(eventheader.LevelError)
	require.NoError(t, err)
	event, err := eventheader.Parse(data)
	require.NoError(t, err)
	fields := event.Fields()
	require.True(t, fields.Next())
	field := *fields.Field()
	return &field
}

func TestText(t *testing.T) {
	float := math.Float64bits
	for _, tt := range []struct {
		name       string
		build      func(b *builder)
		text, json string // json is empty where it is the text
		of         eventheader.Type
	}{
		{"uint8", func(b *builder) { b.Uint8("f", 255) }, "255", "", eventheader.TypeUint},
		{"int8", func(b *builder) { b.Int8("f", -1) }, "-1", "", eventheader.TypeInt},
		{"uint64", func(b *builder) { b.Uint64("f", math.MaxUint64) }, "18446744073709551615", "",
			eventheader.TypeUint},
		{"int64", func(b *builder) { b.Int64("f", math.MinInt64) }, "-9223372036854775808", "",
			eventheader.TypeInt},
		{"hex", func(b *builder) { b.Value32("f", 0xabcdef, eventheader.FormatHex) }, "0xABCDEF",
			`"0xABCDEF"`, eventheader.TypeHex},
		{"hex 0", func(b *builder) { b.Value64("f", 0, eventheader.FormatHex) }, "0x0", `"0x0"`,
			eventheader.TypeHex},
		{"pid", func(b *builder) { b.Value32("f", 4711, eventheader.FormatPID) }, "4711", "",
			eventheader.TypePID},
		{"errno", func(b *builder) { b.Errno("f", 2) }, "ENOENT(2)", `"ENOENT(2)"`, eventheader.TypeErrno},
		{"errno 0", func(b *builder) { b.Errno("f", 0) }, "ERRNO(0)", `"ERRNO(0)"`, eventheader.TypeErrno},
		{"errno 41", func(b *builder) { b.Errno("f", 41) }, "ERRNO(41)", `"ERRNO(41)"`,
			eventheader.TypeErrno},
		{"errno 133", func(b *builder) { b.Errno("f", 133) }, "EHWPOISON(133)", `"EHWPOISON(133)"`,
			eventheader.TypeErrno},
		{"errno 134", func(b *builder) { b.Errno("f", 134) }, "ERRNO(134)", `"ERRNO(134)"`,
			eventheader.TypeErrno},
		{"true", func(b *builder) { b.Bool("f", true) }, "true", "", eventheader.TypeBool},
		{"false", func(b *builder) { b.Bool("f", false) }, "false", "", eventheader.TypeBool},
		{"neither", func(b *builder) { b.Value32("f", math.MaxUint32, eventheader.FormatBoolean) }, "-1", "",
			eventheader.TypeBool},
		{"float32", func(b *builder) { b.Float32("f", 0.1) }, "0.1", "", eventheader.TypeFloat},
		{"float64", func(b *builder) { b.Float64("f", 0.1) }, "0.1", "", eventheader.TypeFloat},
		{"-0", func(b *builder) { b.Value64("f", 1<<63, eventheader.FormatFloat) }, "-0", "",
			eventheader.TypeFloat},
		{"the shorter, exponential", func(b *builder) { b.Float64("f", 100000) }, "1e+05", "",
			eventheader.TypeFloat},
		{"as long, plain", func(b *builder) { b.Float64("f", 10000) }, "10000", "", eventheader.TypeFloat},
		{"all digits of a whole number", func(b *builder) { b.Float64("f", 1<<63) }, "9223372036854775808",
			"", eventheader.TypeFloat},
		{"largest", func(b *builder) { b.Float64("f", math.MaxFloat64) }, "1.7976931348623157e+308", "",
			eventheader.TypeFloat},
		{"smallest", func(b *builder) { b.Float32("f", math.SmallestNonzeroFloat32) }, "1e-45", "",
			eventheader.TypeFloat},
		{"nan", func(b *builder) { b.Float64("f", math.NaN()) }, "nan", `"nan"`, eventheader.TypeFloat},
		{"-nan", func(b *builder) { b.Value64("f", float(math.NaN())|1<<63, eventheader.FormatFloat) },
			"-nan", `"-nan"`, eventheader.TypeFloat},
		{"inf", func(b *builder) { b.Float32("f", float32(math.Inf(1))) }, "inf", `"inf"`,
			eventheader.TypeFloat},
		{"time", func(b *builder) { b.Time("f", time.Date(2026, 11, 27, 1, 2, 3, 4, time.UTC)) },
			"2026-11-27T01:02:03", `"2026-11-27T01:02:03"`, eventheader.TypeTime},
		{"year 1", func(b *builder) { b.Time("f", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)) },
			"0001-01-01T00:00:00", `"0001-01-01T00:00:00"`, eventheader.TypeTime},
		{"year -1", func(b *builder) { b.Time("f", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)) },
			"-001-01-01T00:00:00", `"-001-01-01T00:00:00"`, eventheader.TypeTime},
		{"last second of gmtime", func(b *builder) { b.Value64("f", 67768036191676799, eventheader.FormatTime) },
			"2147485547-12-31T23:59:59", `"2147485547-12-31T23:59:59"`, eventheader.TypeTime},
		{"one more", func(b *builder) { b.Value64("f", 67768036191676800, eventheader.FormatTime) },
			"TIME(67768036191676800)", `"TIME(67768036191676800)"`, eventheader.TypeTime},
		{"first time", func(b *builder) { b.Value64("f", 1<<63, eventheader.FormatTime) },
			"TIME(-9223372036854775808)", `"TIME(-9223372036854775808)"`, eventheader.TypeTime},
		{"uuid", func(b *builder) { b.UUID("f", eventheader.ID{0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) },
			"ab010203-0405-0607-0809-0a0000000000", `"ab010203-0405-0607-0809-0a0000000000"`, eventheader.TypeUUID},
		{"port", func(b *builder) { b.Port("f", 443) }, "443", "", eventheader.TypePort},
		{"IPv4", func(b *builder) { b.Address("f", netip.MustParseAddr("192.0.2.1")) }, "192.0.2.1",
			`"192.0.2.1"`, eventheader.TypeAddress},
		{"IPv6", func(b *builder) { b.Address("f", netip.MustParseAddr("2001:db8::1")) }, "2001:db8::1",
			`"2001:db8::1"`, eventheader.TypeAddress},
		{"IPv4 in IPv6", func(b *builder) { b.Address("f", netip.MustParseAddr("::ffff:192.0.2.1")) },
			"::ffff:192.0.2.1", `"::ffff:192.0.2.1"`, eventheader.TypeAddress},
		{"IPv4-compatible", func(b *builder) { b.Address("f", netip.MustParseAddr("::1.2.3.4")) },
			"::1.2.3.4", `"::1.2.3.4"`, eventheader.TypeAddress},
		{"loopback", func(b *builder) { b.Address("f", netip.MustParseAddr("::1")) }, "::1", `"::1"`,
			eventheader.TypeAddress},
		{"unspecified", func(b *builder) { b.Address("f", netip.MustParseAddr("::")) }, "::", `"::"`,
			eventheader.TypeAddress},
		{"null", func(b *builder) { b.Binary("f", nil, eventheader.FormatSigned) }, "null", "",
			eventheader.TypeNull},
		{"bytes", func(b *builder) { b.Binary("f", []byte{0, 0xab}, eventheader.FormatDefault) }, "00 ab",
			`"00 ab"`, eventheader.TypeBytes},
		{"no bytes", func(b *builder) { b.Binary("f", nil, eventheader.FormatDefault) }, "", `""`,
			eventheader.TypeBytes},
		{"string", func(b *builder) { b.String("f", "a\"b\x1b\n") }, "a\"b\x1b\n", `"a\"b\u001b\n"`,
			eventheader.TypeString},
		{"string of bytes", func(b *builder) { b.Binary("f", []byte("ab"), eventheader.FormatUTF) }, "ab",
			`"ab"`, eventheader.TypeString},
		{"UTF-16", func(b *builder) {
			b.Text("f", "a\u00e9\U0001f600\xff", eventheader.EncodingChar16, eventheader.FormatDefault)
		}, "a\u00e9\U0001f600\ufffd", "\"a\u00e9\U0001f600\ufffd\"", eventheader.TypeString},
		{"UTF-32", func(b *builder) {
			b.Text("f", "a\u00e9\U0001f600", eventheader.EncodingZChar32, eventheader.FormatDefault)
		}, "a\u00e9\U0001f600", "\"a\u00e9\U0001f600\"", eventheader.TypeString},
		{"Latin-1", func(b *builder) {
			b.Text("f", "\xe9", eventheader.EncodingChar8, eventheader.FormatString8)
		}, "\u00e9", "\"\u00e9\"", eventheader.TypeString},
		{"UTF-16 by its mark", func(b *builder) {
			b.Text("f", "\xfe\xff\x00a\x00b", eventheader.EncodingChar8, eventheader.FormatXML)
		}, "ab", `"ab"`, eventheader.TypeString},
		{"character", func(b *builder) { b.Value16("f", 0x20ac, eventheader.FormatUTF) }, "\u20ac",
			"\"\u20ac\"", eventheader.TypeString},
		{"format that does not fit", func(b *builder) { b.Value16("f", 7, eventheader.FormatFloat) }, "7", "",
			eventheader.TypeUint},
		{"unknown format", func(b *builder) { b.Value16("f", 7, 100) }, "7", "", eventheader.TypeUint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			field := decoded(t, tt.build)
			assert.Equal(t, tt.of, field.Type())
			assert.Equal(t, tt.text, string(field.AppendText(nil)))
			if tt.json == "" {
				tt.json = tt.text
			}
			assert.Equal(t, tt.json, string(field.AppendJSON(nil)))
		})
	}
}

func TestTypedValues(t *testing.T) {
	field := decoded(t, func(b *builder) { b.Uint64("f", math.MaxUint64) })
	unsigned, ok := field.Uint()
	assert.True(t, ok)
	assert.Equal(t, uint64(math.MaxUint64), unsigned)
	_, ok = field.Int()
	assert.False(t, ok, "above the largest int64")
	_, ok = field.Float()
	assert.False(t, ok)

	field = decoded(t, func(b *builder) { b.Uint16("f", 65535) })
	signed, ok := field.Int()
	assert.True(t, ok)
	assert.Equal(t, int64(65535), signed)

	field = decoded(t, func(b *builder) { b.Float32("f", 0.5) })
	float, ok := field.Float()
	assert.True(t, ok)
	assert.InDelta(t, 0.5, float, 0)

	field = decoded(t, func(b *builder) { b.Value8("f", 2, eventheader.FormatBoolean) })
	_, ok = field.Bool()
	assert.False(t, ok, "neither true nor false")

	now := time.Now().Truncate(time.Second).UTC()
	field = decoded(t, func(b *builder) { b.Time("f", now) })
	at, ok := field.Time()
	assert.True(t, ok)
	assert.Equal(t, now, at)

	id := eventheader.ID{1, 2, 3}
	field = decoded(t, func(b *builder) { b.UUID("f", id) })
	read, ok := field.UUID()
	assert.True(t, ok)
	assert.Equal(t, id, read)

	address := netip.MustParseAddr("2001:db8::1")
	field = decoded(t, func(b *builder) { b.Address("f", address) })
	got, ok := field.Address()
	assert.True(t, ok)
	assert.Equal(t, address, got)
}
