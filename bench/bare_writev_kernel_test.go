// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package bench

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// bareWritev returns a function that writes finished messages to a tracepoint, one writev each, and does nothing else.
func bareWritev(tb testing.TB, name string, rm *metricdata.ResourceMetrics) func() error {
	var kept messages
	require.Nil(tb, otlp.NewEncoder(messageSize).Encode(rm, &kept).Dropped)
	file, _, err := tracefs.Open("")
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = file.Close() })
	registered, err := tracefs.Register(file, tracefs.NameArgs(name, tracefs.FieldsOTLP), 0)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, registered.Unregister(file)) })

	vectors := make([][2]syscall.Iovec, len(kept))
	for i, message := range kept {
		e := binary.NativeEndian
		e.PutUint32(message, registered.Index)
		e.PutUint32(message[4:], 0)
		copy(message[8:], "v0.19.00")
		e.PutUint32(message[16:], uint32(len(message)-otlp.Headroom)<<16)
		v := &vectors[i]
		v[0].Base, v[1].Base = &message[0], &message[otlp.Headroom]
		v[0].SetLen(otlp.Headroom)
		v[1].SetLen(len(message) - otlp.Headroom)
	}
	fd := file.Fd()
	return func() error {
		for i := range vectors {
			v := &vectors[i]
			if _, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(v)),
				uintptr(len(v))); errno != 0 {
				return fmt.Errorf("writev: %w", errno)
			}
		}
		return nil
	}
}
