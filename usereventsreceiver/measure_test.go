// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"bytes"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/encoding/protowire"
)

// largestPayload is what an event can carry.
const largestPayload = 8168

// field is a field with a message or bytes in it.
func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// fill repeats a field in a message as often as fits into the largest payload once it is in the fields around it,
// outermost first.
func fill(one []byte, around ...protowire.Number) []byte {
	room := largestPayload - 4*len(around)
	value := bytes.Repeat(one, room/len(one))
	for i := len(around) - 1; i >= 0; i-- {
		value = field(around[i], value)
	}
	return value
}

// worstPayloads are events of nothing but the smallest encoding of something.
func worstPayloads() map[string][]byte {
	text := field(1, []byte("x"))
	empty := func(number protowire.Number) []byte { return field(number, nil) }
	nested := empty(5)
	for len(nested) < largestPayload-200 {
		nested = field(1, field(5, nested))
	}
	return map[string][]byte{
		"resources":                       fill(empty(1)),
		"resource attributes":             fill(empty(1), 1, 1),
		"resource attributes of text":     fill(field(1, append(text, field(2, text)...)), 1, 1),
		"entity references":               fill(empty(3), 1, 1),
		"keys of an entity":               fill(empty(3), 1, 1, 3),
		"scopes":                          fill(empty(2), 1),
		"deprecated scopes":               fill(empty(1000), 1),
		"scope attributes":                fill(empty(3), 1, 2, 1),
		"metrics":                         fill(empty(2), 1, 2),
		"metrics with names":              fill(field(2, field(1, []byte("n"))), 1, 2),
		"metadata of metrics":             fill(empty(12), 1, 2, 2),
		"empty gauges":                    fill(field(2, empty(5)), 1, 2),
		"gauges that replace another":     fill(empty(5), 1, 2, 2),
		"gauge points":                    fill(empty(1), 1, 2, 2, 5),
		"sum points":                      fill(empty(1), 1, 2, 2, 7),
		"points with values":              fill(field(1, append([]byte{6<<3 | 1}, make([]byte, 8)...)), 1, 2, 2, 7),
		"histogram points":                fill(empty(1), 1, 2, 2, 9),
		"bucket counts":                   fill(make([]byte, 8), 1, 2, 2, 9, 1, 6),
		"unpacked bucket counts":          fill(append([]byte{6<<3 | 1}, make([]byte, 8)...), 1, 2, 2, 9, 1),
		"bounds":                          fill(make([]byte, 8), 1, 2, 2, 9, 1, 7),
		"exponential histogram points":    fill(empty(1), 1, 2, 2, 10),
		"exponential bucket counts":       fill([]byte{0}, 1, 2, 2, 10, 1, 8, 2),
		"unpacked exponential counts":     fill([]byte{2 << 3, 0}, 1, 2, 2, 10, 1, 9),
		"summary points":                  fill(empty(1), 1, 2, 2, 11),
		"quantiles":                       fill(empty(6), 1, 2, 2, 11, 1),
		"exemplars":                       fill(empty(5), 1, 2, 2, 7, 1),
		"exemplars of histograms":         fill(empty(8), 1, 2, 2, 9, 1),
		"attributes of exemplars":         fill(empty(7), 1, 2, 2, 5, 1, 5),
		"point attributes":                fill(empty(7), 1, 2, 2, 5, 1),
		"array values":                    fill(empty(1), 1, 1, 1, 2, 5),
		"array values of numbers":         fill(field(1, []byte{3 << 3, 0}), 1, 1, 1, 2, 5),
		"values of a map":                 fill(empty(1), 1, 1, 1, 2, 6),
		"nested array values":             field(1, field(1, field(1, field(2, nested)))),
		"one long text":                   fill([]byte("x"), 1, 3),
		"what this project does not know": fill(empty(15)),
	}
}

// heldBy returns the memory of what f returns, without what is garbage by then.
func heldBy(f func() decoded) (held int64) {
	held = math.MaxInt64
	for range 3 { // the least, as other goroutines may allocate
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		value := f()
		runtime.GC()
		runtime.ReadMemStats(&after)
		held = min(held, int64(after.HeapAlloc)-int64(before.HeapAlloc))
		runtime.KeepAlive(value)
	}
	return held
}

func TestMeasureIsAnUpperBound(t *testing.T) {
	payloads := worstPayloads()
	payloads["a typical event"] = typicalEvent()
	for name, payload := range payloads {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(payload), largestPayload)
			points, bound := exportRequest.measure(payload)
			d := new(decoder)
			batch := make([]entry, 20)
			for i := range batch {
				batch[i].payload = payload
			}
			one := d.decode(batch[:1])
			require.Empty(t, one.errs)
			if name == "replaced points" {
				assert.Greater(t, points, one.metrics.DataPointCount(), "those that the decoder drops count as lost")
			} else {
				assert.Equal(t, points, one.metrics.DataPointCount())
			}
			held := heldBy(func() decoded { return d.decode(batch) }) / int64(len(batch))
			t.Logf("%d points, %d bytes held, %d at most, %.1f times the payload",
				points, held, bound, float64(held)/float64(len(payload)))
			assert.LessOrEqual(t, held, bound, "bytes")
			assert.Less(t, held, int64(100*len(payload)), "which the README says")
			assert.Less(t, bound, int64(maxBatch), "a batch has room for any event")
		})
	}
}

// typicalEvent is one of a counter with three attributes.
func typicalEvent() []byte {
	metrics := pmetric.NewMetrics()
	addPoints(metrics, 1, 50)
	eachPoint([]pmetric.Metrics{metrics}, func(p pmetric.NumberDataPoint) {
		p.SetStartTimestamp(1)
		p.SetTimestamp(2)
		p.Attributes().Clear()
		p.Attributes().PutStr("http.request.method", "GET")
		p.Attributes().PutStr("http.route", "/cart/{id}")
		p.Attributes().PutStr("server.address", "shop.example.com")
	})
	return event(metrics).Payload
}

func BenchmarkMeasure(b *testing.B) {
	payload := typicalEvent()
	batch := []entry{{payload: payload}}
	b.Run("measure", func(b *testing.B) {
		for b.Loop() {
			exportRequest.measure(payload)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			new(decoder).decode(batch)
		}
	})
}
