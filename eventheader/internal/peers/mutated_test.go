// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// Events of which some bytes are others, too many or too few: what ours can read, tracepoint_decode reads the same.
func TestAnyBytesAsRust(t *testing.T) {
	g := generator{eventtest.NewGenerator(4), "peers_bytes"}
	random := rand.New(rand.NewPCG(4, 5))
	var all []recorded
	for i := range 2 * events {
		e := g.event()
		countInPayload(e.Fields, false)
		data := eventtest.Writers[i%len(eventtest.Writers)].Encode(&e)
		for range 1 + random.IntN(2) {
			data = mutated(random, data)
		}
		all = append(all, recorded{e.Tracepoint.String(), data})
	}
	compared := newComparison()
	read := 0
	for i, theirs := range decode(t, all) {
		if ours := all[i].dump(); !failed(ours) && all[i].comparable(t) {
			compared.compare(t, i, ours, theirs)
			read++
		}
	}
	t.Logf("%d of %d were read", read, len(all))
	assert.Greater(t, read, len(all)/10)
	assert.Greater(t, len(all)-read, len(all)/10)
}

// mutated returns data, of at least the size of a header, with a change.
func mutated(random *rand.Rand, data []byte) []byte {
	const header = 8
	at := random.IntN(len(data))
	switch random.IntN(5) {
	case 0:
		return data[:max(header, at)]
	case 1:
		data[at] ^= 1 << random.IntN(8)
	case 2:
		data[at] = byte(random.Uint32())
	case 3:
		if len(data) > header {
			return slices.Delete(data, at, at+1)
		}
	case 4:
		return slices.Insert(data, at, byte(random.Uint32()), byte(random.IntN(3)))
	}
	return data
}

func failed(dump string) bool {
	return strings.HasPrefix(dump, "error ") || strings.Contains(dump, "\nerror ")
}

// comparable reports whether theirs should read an event that ours reads. It refuses one whose level is not that of the
// tracepoint, and misreads an array of structs whose definition ends too early.
func (r recorded) comparable(t *testing.T) bool {
	t.Helper()
	name, err := eventheader.ParseName(r.tracepoint)
	assert.NoError(t, err)
	event, err := eventheader.Parse(r.data)
	assert.NoError(t, err)
	if event.Level != name.Level {
		return false
	}
	var left []int // fields, of the structs around
	fields := event.Fields()
	for fields.Next() {
		field := fields.Field()
		if len(left) > 0 && !field.IsElement() && field.Kind != eventheader.KindArrayEnd &&
			field.Kind != eventheader.KindStructEnd {
			left[len(left)-1]--
		}
		switch field.Kind {
		case eventheader.KindStructBegin:
			left = append(left, int(field.Format))
		case eventheader.KindStructEnd:
			if left[len(left)-1] > 0 {
				return false
			}
			left = left[:len(left)-1]
		}
	}
	return true
}
