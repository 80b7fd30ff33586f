// SPDX-License-Identifier: Apache-2.0

//go:build linux

package eventheader

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// BenchmarkEnabled is what a program pays for an event that nobody listens to. It needs no kernel with user_events.
func BenchmarkEnabled(b *testing.B) {
	disabled, _ := setOfWord(b)
	for _, bb := range []struct {
		name string
		set  *EventSet
	}{
		{"without a provider", nil},
		{"nobody listens", disabled},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if bb.set.Enabled() {
					b.Fatal("nobody can listen")
				}
			}
		})
	}
}

// What the benchmark reads is the word that the kernel would set.
func TestEnabledReadsTheWord(t *testing.T) {
	set, word := setOfWord(t)
	assert.False(t, set.Enabled())
	*word = 1
	assert.True(t, set.Enabled())
}

// setOfWord returns a set with an enable word that no kernel knows. Of the set's methods only Enabled may be called.
func setOfWord(t testing.TB) (set *EventSet, word *uint32) {
	t.Helper()
	set = &EventSet{tracepoint: new(tracepoint.Tracepoint)}
	registration := fill(reflect.ValueOf(set.tracepoint).Elem().FieldByName("backend"))
	field := registration.FieldByName("enabled")
	if inner := registration.FieldByName("Registration"); inner.IsValid() { // the backend in pure Go
		field = fill(inner).FieldByName("word")
	}
	require.True(t, field.IsValid(), "no enable word in %v", registration.Type())
	return set, fill(field).Addr().Interface().(*uint32)
}

// fill sets a pointer, which another package does not export, to a new value, and returns that.
func fill(pointer reflect.Value) reflect.Value {
	made := reflect.New(pointer.Type().Elem())
	reflect.NewAt(pointer.Type(), pointer.Addr().UnsafePointer()).Elem().Set(made)
	return made.Elem()
}
