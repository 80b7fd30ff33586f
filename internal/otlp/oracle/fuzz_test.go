// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/metricgen"
)

// options spreads the generator's options over the bits of b. Invalid UTF-8 is a test of its own, since the OTLP
// exporter sends nothing then.
func options(b byte) metricgen.Options {
	return metricgen.Options{
		MaxLength:   []int{20, 200, 2000, 12000}[b&3],
		Empty:       b&4 != 0,
		Unsupported: b&8 != 0,
	}
}

func limit(n uint16) int {
	return otlp.MinMessageSize + int(n)%(otlp.MaxMessageSize-otlp.MinMessageSize+1)
}

func random(seed uint64, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(data)
	return data
}

// FuzzOracle compares the encoder with the OTLP exporter over generated data.
func FuzzOracle(f *testing.F) {
	for seed := range 64 {
		f.Add([]uint16{0, 1000, 3536, 7656}[seed/16], byte(seed), random(uint64(seed), 1500))
	}
	o := newOfficial(f)
	f.Fuzz(func(t *testing.T, n uint16, b byte, data []byte) {
		rm, _ := metricgen.Generate(data, options(b))
		compare(t, o, limit(n), rm)
	})
}

// TestGeneratedData runs what FuzzOracle does over larger data, and checks that all that may happen has happened.
func TestGeneratedData(t *testing.T) {
	o := newOfficial(t)
	made := metricgen.Counts{}
	var total otlp.Result
	split := 0
	for seed := range uint64(400) {
		rm, counts := metricgen.Generate(random(seed, 20_000), options(byte(seed)))
		for kind, n := range counts {
			made[kind] += n
		}
		result := compare(t, o, limit(uint16(seed*977)), rm)
		total.Points += result.Points
		total.DroppedPoints += result.DroppedPoints
		total.ExemplarsDropped += result.ExemplarsDropped
		total.Oversize += result.Oversize
		if result.Messages > 1 {
			split++
		}
	}
	for _, kind := range metricgen.Kinds(metricgen.Options{Empty: true, Unsupported: true}) {
		assert.NotZero(t, made[kind], "never made: %s", kind)
	}
	t.Logf("%d of 400 in several messages; %+v", split, total)
	assert.Greater(t, split, 100)
	assert.Greater(t, total.Points, 5000)
	assert.Greater(t, total.Points, 10*total.DroppedPoints, "mostly dropped")
	assert.NotZero(t, total.DroppedPoints)
	assert.NotZero(t, total.ExemplarsDropped)
	assert.NotZero(t, total.Oversize)
}
