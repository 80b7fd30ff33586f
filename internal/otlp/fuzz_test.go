// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/metricgen"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// fuzzOptions spreads the generator's options over the bits of b.
func fuzzOptions(b byte) metricgen.Options {
	return metricgen.Options{
		MaxLength:   []int{20, 200, 2000, 12000}[b&3],
		InvalidUTF8: b&4 != 0,
		Empty:       b&8 != 0,
		Unsupported: b&16 != 0,
	}
}

// fuzzLimit maps any number to a limit.
func fuzzLimit(n uint16) int {
	return otlp.MinMessageSize + int(n)%(otlp.MaxMessageSize-otlp.MinMessageSize+1)
}

// addSeeds adds inputs that reach every kind of the generator.
func addSeeds(f *testing.F) {
	for seed := range 60 {
		data := make([]byte, 1500)
		rand.NewChaCha8([32]byte{byte(seed)}).Read(data)
		f.Add([]uint16{0, 1000, 3536, 7656}[seed%4], byte(seed), data)
	}
}

// FuzzEncode checks what holds for any data and any limit.
func FuzzEncode(f *testing.F) {
	addSeeds(f)
	encoder := map[int]*otlp.Encoder{}
	f.Fuzz(func(t *testing.T, n uint16, options byte, data []byte) {
		limit := fuzzLimit(n)
		rm, _ := metricgen.Generate(data, fuzzOptions(options))
		// An encoder that has encoded other data before.
		if encoder[limit] == nil {
			encoder[limit] = otlp.NewEncoder(limit)
		}
		r := &recorder{}
		result := encoder[limit].Encode(rm, r)
		decoded := r.decode(t)

		// The same bytes as from a new encoder, and from one that goes by the sets' methods.
		for _, e := range []*otlp.Encoder{otlp.NewEncoder(limit), otlp.NewEncoderByMethods(limit)} {
			again := &recorder{}
			e.Encode(rm, again)
			require.Equal(t, r.messages, again.messages)
		}

		// Sizes.
		oversize, bytes := 0, int64(0)
		for i, message := range r.messages {
			require.LessOrEqual(t, len(message), otlp.MaxMessageSize)
			require.Equal(t, otlptest.Size(decoded[i]), len(message), "message %d has longer lengths than it needs", i)
			if len(message) > limit {
				require.Equal(t, 1, r.points[i], "message %d exceeds the limit", i)
				oversize++
			}
			bytes += int64(len(message))
		}

		// Each data point once and in order.
		written, latest := 0, 0
		for i := range decoded {
			for _, p := range otlptest.Points(decoded[i]) {
				tag := int(p.GetStartTimeUnixNano())
				require.Greater(t, tag, latest, "message %d", i)
				latest = tag
				written++
			}
		}

		// The accounts.
		assert.Equal(t, len(r.messages), result.Messages)
		assert.Equal(t, written, result.Points)
		assert.Equal(t, bytes, result.Bytes)
		assert.Equal(t, oversize, result.Oversize)
		assert.Equal(t, otlp.CountPoints(rm), result.Points+result.DroppedPoints)
		checkDropped(t, &result)

		// A message ends only where the next data point does not fit.
		for i := 1; i < len(decoded); i++ {
			next := otlptest.Split(decoded[i])[0]
			joined, err := otlptest.Join(decoded[i-1], next)
			require.NoError(t, err)
			require.Greater(t, otlptest.Size(joined), limit, "message %d could have held a point more", i-1)
		}
	})
}

// FuzzSinkErrors refuses some messages and checks what is reported about them.
func FuzzSinkErrors(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, n uint16, options byte, data []byte) {
		rm, _ := metricgen.Generate(data, fuzzOptions(options))
		refused, refusedPoints, stopped := 0, 0, false
		r := &recorder{}
		r.fail = func(i int) error {
			require.False(t, stopped, "written after Stop")
			var err error
			switch b := data[i*7%len(data)]; {
			case b < 80:
				err = fmt.Errorf("refused %d", b%3)
			case b < 100:
				err, stopped = otlp.Stop(errors.New("left")), true
			}
			if err != nil {
				refused++
				refusedPoints += r.points[i]
			}
			return err
		}
		result := otlp.NewEncoder(fuzzLimit(n)).Encode(rm, r)
		r.decode(t)

		assert.Equal(t, len(r.messages)-refused, result.Messages)
		assert.Equal(t, otlp.CountPoints(rm), result.Points+result.DroppedPoints)
		assert.GreaterOrEqual(t, result.DroppedPoints, refusedPoints)
		checkDropped(t, &result)
	})
}

// checkDropped checks that the list of what was dropped adds up.
func checkDropped(t *testing.T, result *otlp.Result) {
	t.Helper()
	points, exemplars := 0, 0
	for _, d := range result.Dropped {
		points += d.Points
		exemplars += d.Exemplars
		require.Error(t, d.Err)
		if d.Exemplars > 0 {
			require.ErrorIs(t, d.Err, otlp.ErrExemplarsLeftOut)
		}
	}
	assert.Equal(t, result.DroppedPoints, points+result.Unlisted)
	assert.LessOrEqual(t, len(result.Dropped), otlp.MaxDrops)
	if len(result.Dropped) < otlp.MaxDrops {
		assert.Equal(t, result.ExemplarsDropped, exemplars)
		assert.Zero(t, result.Unlisted)
		assert.Zero(t, result.UnlistedMetrics)
	}
}
