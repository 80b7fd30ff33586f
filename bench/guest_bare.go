// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/bench/internal/peers"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// bareWriter writes finished messages to a tracepoint, one writev each, and does nothing else.
type bareWriter struct {
	file     *os.File
	word     *uint32
	messages [][2]syscall.Iovec
	pinner   runtime.Pinner
}

// newBareWriter registers the tracepoint, for the calling thread, and has the messages ready.
func newBareWriter(name string, rm *metricdata.ResourceMetrics) (_ *bareWriter, err error) {
	var kept peers.Messages
	if r := otlp.NewEncoder(messageSize).Encode(rm, &kept); r.Dropped != nil {
		return nil, r.Dropped[0].Err
	}
	file, _, err := tracefs.Open("")
	if err != nil {
		return nil, err
	}
	b := &bareWriter{file: file}
	if b.word, err = tracefs.NewEnableWord(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	index, err := tracefs.Register(file, b.word, 0, tracefs.NameArgs(name, tracefs.FieldsOTLP), 0)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	b.pinner.Pin(&kept.Bytes[0])
	begin := 0
	for _, end := range kept.Ends {
		message := kept.Bytes[begin:end]
		begin = end
		e := binary.NativeEndian
		e.PutUint32(message, index)
		e.PutUint32(message[4:], 0)
		copy(message[8:], "v0.19.00")
		e.PutUint32(message[16:], uint32(len(message)-otlp.Headroom)<<16)
		var v [2]syscall.Iovec
		v[0].Base, v[1].Base = &message[0], &message[otlp.Headroom]
		v[0].SetLen(otlp.Headroom)
		v[1].SetLen(len(message) - otlp.Headroom)
		b.messages = append(b.messages, v)
	}
	return b, nil
}

func (b *bareWriter) write() error {
	fd := b.file.Fd()
	for i := range b.messages {
		v := &b.messages[i]
		if _, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(v)),
			uintptr(len(v))); errno != 0 {
			return fmt.Errorf("writev: %w", errno)
		}
	}
	return nil
}

func (b *bareWriter) close() {
	if err := tracefs.Unregister(b.file, b.word, 0); err == nil {
		tracefs.FreeEnableWord(b.word)
	}
	b.pinner.Unpin()
	_ = b.file.Close()
}
