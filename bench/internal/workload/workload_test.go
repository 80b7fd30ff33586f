// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

func TestSource(t *testing.T) {
	for _, spec := range []Spec{
		{Kind: Sum, Points: 100, Attributes: 4},
		{Kind: Gauge, Points: 7, Attributes: 0},
		{Kind: Histogram, Points: 100, Attributes: 10, Exemplars: true},
		{Kind: Exponential, Points: 100, Attributes: 4},
	} {
		t.Run(spec.String(), func(t *testing.T) {
			s := New(spec)
			assert.Equal(t, spec.Points, otlp.CountPoints(s.Metrics()))
			require.Len(t, s.sets, spec.Points)
			for _, set := range s.sets {
				assert.Equal(t, spec.Attributes, set.Len())
			}
		})
	}
}

func TestEachPointAndCycleHasASetOfItsOwn(t *testing.T) {
	s := New(Spec{Kind: Histogram, Points: 1000, Attributes: 4})
	seen := map[attribute.Distinct]bool{}
	for range 3 {
		for _, set := range s.sets {
			seen[set.Equivalent()] = true
		}
		s.NewSets()
	}
	assert.Len(t, seen, 3000)
}

func TestHTTPServer(t *testing.T) {
	rm, points, err := HTTPServer(4)
	require.NoError(t, err)
	assert.Equal(t, 4*5*3, points, "routes, answers and histograms")
	assert.Equal(t, points, otlp.CountPoints(rm))
}
