// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestShortNumbers(t *testing.T) {
	for want, x := range map[string]float64{
		"0": 0, "7": 7, "-7": -7, "12345": 12345, "99999": 99999, "100k": 100_000, "123k": 123_456, "-123k": -123_456,
		"1.23M": 1_234_567, "12.3M": 12_345_678, "999M": 999_000_000, "1.00G": 999_600_000, "1.23T": 1.23e12,
		"1.23P": 1.23e15, "1.23E": 1.23e18, "999E": 9.99e20, "1e+21": 1e21, "1e+300": 1e300, "-1e+300": -1e300,
		"0.5": 0.5, "1.50": 1.5, "12.5": 12.5, "125": 125.4, "1.00k": 999.7,
		"1.25k": 1250.5, "0.123": 0.12345, "0.00123": 0.0012345,
		"1.2e-05": 0.000012345, "-0.123": -0.12345, "10.0": 9.9951, "100": 99.96,
		"-": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1),
	} {
		assert.Equal(t, want, short(x), "%v", x)
	}
}

func FuzzShortNumbers(f *testing.F) {
	for _, x := range []float64{0, 1, -1, 0.1, 999.5, 99999.5, 1e21, math.MaxFloat64, math.SmallestNonzeroFloat64,
		-0.000099999, -0.0001234, 9.995} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		s := short(x)
		assert.NotEmpty(t, s)
		assert.LessOrEqual(t, len(s), 8, "%v is %s", x, s)
		if x >= 0 {
			assert.LessOrEqual(t, len(s), 7, "%v is %s", x, s)
		}
	})
}

func TestTimes(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": -time.Second, "59s": 59*time.Second + 999*time.Millisecond, "1m": time.Minute,
		"59m": 59*time.Minute + 59*time.Second,
		"1h":  time.Hour, "99h": 99 * time.Hour, "4d": 100 * time.Hour, "999d": math.MaxInt64,
	} {
		assert.Equal(t, want, ago(d), d)
	}
	for want, d := range map[string]time.Duration{
		"0.005 s": 5 * time.Millisecond, "0.25 s": 250 * time.Millisecond, "1 s": time.Second,
		"12.3 s": 12345 * time.Millisecond, "1m5s": 65*time.Second + 100*time.Millisecond,
	} {
		assert.Equal(t, want, span(d), d)
	}
}
