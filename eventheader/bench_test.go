// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"testing"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// buildSix builds an event of six fields: two strings, two integers, a number with a point, and a boolean.
func buildSix(b *eventheader.Builder) {
	b.Reset("Request", 0)
	b.String("method", "GET")
	b.String("path", "/api/orders/17")
	b.Int64("status", 200)
	b.Int64("bytes", 5120)
	b.Float64("seconds", 0.0125)
	b.Bool("cached", true)
}

var sink int

func BenchmarkBuild(b *testing.B) {
	var builder eventheader.Builder
	b.ReportAllocs()
	for b.Loop() {
		buildSix(&builder)
		event, err := builder.Bytes(eventheader.LevelInformation)
		if err != nil {
			b.Fatal(err)
		}
		sink += len(event)
	}
}

func BenchmarkDecode(b *testing.B) {
	var builder eventheader.Builder
	buildSix(&builder)
	event, err := builder.Bytes(eventheader.LevelInformation)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := eventheader.Parse(event)
		if err != nil {
			b.Fatal(err)
		}
		fields := parsed.Fields()
		for fields.Next() {
			sink += len(fields.Field().Value)
		}
		if fields.Err() != nil {
			b.Fatal(fields.Err())
		}
	}
}
