// SPDX-License-Identifier: Apache-2.0

package eventtest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Check fails a test where data, as w wrote it, is not read as e.
func Check(t *testing.T, data []byte, w Writer, e *Event) {
	t.Helper()
	got, err := eventheader.Parse(data)
	require.NoError(t, err)
	assert.Equal(t, e.Name, string(got.Name()))
	assert.Equal(t, e.ID, got.ID)
	assert.Equal(t, e.Version, got.Version)
	assert.Equal(t, e.Tag, got.Tag)
	assert.Equal(t, e.Opcode, got.Opcode)
	assert.Equal(t, e.Tracepoint.Level, got.Level)
	assert.Equal(t, w.Order, got.ByteOrder())
	checkAttributes(t, e.Attributes, got.Attribute)
	var activity []eventheader.ID
	for _, of := range []func() (eventheader.ID, bool){got.ActivityID, got.RelatedID} {
		if id, ok := of(); ok {
			activity = append(activity, id)
		}
	}
	assert.Equal(t, e.Activity, activity)

	c := checker{t: t, fields: got.Fields(), writer: w}
	c.all(e.Fields)
	assert.False(t, c.fields.Next(), "more fields than were written: %q", c.fields.Field().Name())
	require.NoError(t, c.fields.Err())
}

// checkAttributes takes what returns an attribute that was read.
func checkAttributes(t *testing.T, want []Attribute, read func(key string) (string, bool)) {
	t.Helper()
	seen := make(map[string]bool)
	for _, a := range want {
		if seen[a.Key] {
			continue // The first one of a name is found.
		}
		seen[a.Key] = true
		value, ok := read(a.Key)
		assert.True(t, ok, a.Key)
		assert.Equal(t, a.Value, value)
	}
	_, ok := read("no such key")
	assert.False(t, ok)
}

type checker struct {
	t      *testing.T
	fields eventheader.Iterator
	writer Writer
	depth  int
}

// next goes to what must be of a kind, and of field f.
func (c *checker) next(kind eventheader.Kind, f *Field, index, count int) *eventheader.Field {
	c.t.Helper()
	require.True(c.t, c.fields.Next(), "%v", c.fields.Err())
	got := c.fields.Field()
	require.Equal(c.t, kind, got.Kind)
	require.Equal(c.t, f.Name, string(got.Name()))
	require.Equal(c.t, f.Encoding, got.Encoding)
	require.Equal(c.t, f.Tag, got.Tag)
	require.Equal(c.t, c.depth, got.Depth)
	require.Equal(c.t, count, got.Count)
	require.Equal(c.t, index, got.Index)
	checkAttributes(c.t, f.Attributes, got.Attribute)
	return got
}

func (c *checker) all(fields []Field) {
	for i := range fields {
		f := &fields[i]
		if f.Array == Single {
			c.value(f, f.Values[0], 0, -1)
			continue
		}
		c.next(eventheader.KindArrayBegin, f, -1, len(f.Values))
		for j := range f.Values {
			c.value(f, f.Values[j], j, len(f.Values))
		}
		c.next(eventheader.KindArrayEnd, f, len(f.Values), len(f.Values))
	}
}

func (c *checker) value(f *Field, v Value, index, count int) {
	if f.Encoding == eventheader.EncodingStruct {
		begin := c.next(eventheader.KindStructBegin, f, index, count)
		require.Equal(c.t, len(v.Fields), int(begin.Format))
		c.depth++
		c.all(v.Fields)
		c.depth--
		c.next(eventheader.KindStructEnd, f, index, count)
		return
	}
	got := c.next(eventheader.KindValue, f, index, count)
	require.Equal(c.t, f.Format, got.Format)
	_, bytes, _ := c.writer.Value(f, v)
	require.Equal(c.t, string(bytes), string(got.Value))
	checkTyped(c.t, got, v)
}

// checkTyped checks that a number is the one that was written.
func checkTyped(t *testing.T, got *eventheader.Field, v Value) {
	if v.Size == 0 {
		return
	}
	switch got.Type() {
	case eventheader.TypeNull:
		t.Errorf("null for a number of %d bytes", v.Size)
	case eventheader.TypeUint, eventheader.TypeHex, eventheader.TypePort:
		value, ok := got.Uint()
		assert.True(t, ok)
		assert.Equal(t, v.Number, value)
	case eventheader.TypeInt, eventheader.TypePID, eventheader.TypeErrno, eventheader.TypeTime:
		value, ok := got.Int()
		assert.True(t, ok)
		assert.Equal(t, int64(v.Number<<(64-8*v.Size))>>(64-8*v.Size), value)
	case eventheader.TypeBool:
		value, ok := got.Bool()
		assert.Equal(t, v.Number <= 1, ok)
		assert.Equal(t, v.Number == 1, value)
	}
}
