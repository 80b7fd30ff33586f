// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// BenchmarkBuild builds an event of six fields by both builders, which keep their memory: two strings, two integers, a
// number with a point, and a boolean.
func BenchmarkBuild(b *testing.B) {
	b.Run("builder=eventheader", func(b *testing.B) {
		var builder eventheader.Builder
		b.ReportAllocs()
		for b.Loop() {
			builder.Reset("Request", 0)
			builder.String("method", "GET")
			builder.String("path", "/api/orders/17")
			builder.Int64("status", 200)
			builder.Int64("bytes", 5120)
			builder.Float64("seconds", 0.0125)
			builder.Bool("cached", true)
			if builder.Err() != nil {
				b.Fatal(builder.Err())
			}
		}
	})
	b.Run("builder=eventheader_dynamic", func(b *testing.B) {
		printed, err := exec.Command(program(b), "bench", strconv.Itoa(b.N)).Output()
		require.NoError(b, err)
		nanoseconds, err := strconv.ParseFloat(string(bytes.TrimSpace(printed)), 64)
		require.NoError(b, err)
		b.ReportMetric(nanoseconds/float64(b.N), "ns/op")
	})
}
