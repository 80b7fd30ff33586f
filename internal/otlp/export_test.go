// SPDX-License-Identifier: Apache-2.0

package otlp

// NewEncoderByMethods returns an Encoder for a version of the API whose sets it cannot read where they lie.
func NewEncoderByMethods(limit int) *Encoder {
	e := NewEncoder(limit)
	e.setInPlace(false)
	return e
}

// HasField is hasField, for fields of any type.
func HasField[Struct, Field any](name string, offset uintptr) bool {
	return hasField[Struct, Field](name, offset)
}

// Swap64s is swap64s.
func Swap64s(b []byte) { swap64s(b) }
