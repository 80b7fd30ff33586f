// SPDX-License-Identifier: Apache-2.0

package metricgen_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/internal/otlp/metricgen"
)

// random returns the bytes of one seed.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func TestEveryKindIsReached(t *testing.T) {
	for name, options := range map[string]metricgen.Options{
		"default": {},
		"all":     {MaxLength: 9000, InvalidUTF8: true, Empty: true, Unsupported: true},
		"short":   {MaxLength: 130},
	} {
		t.Run(name, func(t *testing.T) {
			counts := metricgen.Counts{}
			for seed := range 100 {
				_, c := metricgen.Generate(random(byte(seed), 4000), options)
				for kind, n := range c {
					counts[kind] += n
				}
			}
			for _, kind := range metricgen.Kinds(options) {
				assert.NotZero(t, counts[kind], "never made: %s", kind)
				delete(counts, kind)
			}
			assert.Empty(t, counts, "made, though Kinds does not say so")
		})
	}
}

func TestGenerateIsDeterministic(t *testing.T) {
	options := metricgen.Options{InvalidUTF8: true, Empty: true}
	data := random(1, 2000)
	first, _ := metricgen.Generate(data, options)
	second, _ := metricgen.Generate(data, options)
	// As text, since NaN differs from itself.
	assert.Equal(t, fmt.Sprintf("%+v", first), fmt.Sprintf("%+v", second))
}

func TestGenerateEndsWithItsBytes(t *testing.T) {
	for n := range 300 {
		metricgen.Generate(random(2, n), metricgen.Options{})
	}
}
