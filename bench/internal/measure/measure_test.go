// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"one", []float64{3}, 3},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{4, 1, 2, 9}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.InDelta(t, tt.want, Median(tt.values), 0) })
	}
}

func TestCompareAlternatesAndCountsAllocations(t *testing.T) {
	var order []string
	var kept [][]byte
	prepared := 0
	results, err := Compare(Options{Rounds: 3},
		Candidate{Name: "a", Run: func() error {
			order = append(order, "a")
			kept = append(
				kept[:0], make([]byte, 1<<20))
			return nil
		}},
		Candidate{Name: "b", Prepare: func() error { prepared++; return nil },
			Run: func() error { order = append(order, "b"); return nil }},
	)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "a", "b", "a", "b", "a", "b"}, order,
		"once without being counted, and three rounds")
	assert.Equal(t, 4, prepared)
	require.Len(t, results, 2)
	assert.Equal(t, "a", results[0].Name)
	assert.GreaterOrEqual(t, results[0].Bytes, float64(1<<20))
	assert.Less(t, results[1].Bytes, float64(1<<19))
	assert.Len(t, kept, 1)
}

func TestCompareCountsCPUTime(t *testing.T) {
	results, err := Compare(Options{Rounds: 1},
		Candidate{Name: "busy", Run: func() error {
			for begin := CPU(); CPU()-begin < time.Millisecond; {
			}
			return nil
		}},
		Candidate{Name: "idle", Prepare: func() error { time.Sleep(time.Millisecond); return nil },
			Run: func() error { return nil }},
	)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, results[0].CPU, time.Millisecond)
	assert.Less(t, results[1].CPU, results[0].CPU, "neither sleeping nor preparing is CPU time of the run")
}

func TestCompareFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := Compare(Options{Rounds: 1}, Candidate{Name: "x", Run: func() error { return broken }})
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "x")
	_, err = Compare(Options{Rounds: 1}, Candidate{Name: "x", Prepare: func() error { return broken },
		Run: func() error { return nil }})
	require.ErrorIs(t, err, broken)
	_, err = Compare(Options{})
	require.Error(t, err)
}
