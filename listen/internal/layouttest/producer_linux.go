// SPDX-License-Identifier: Apache-2.0

package layouttest

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Producer writes to a tracepoint as an exporter does, but any bytes. Its
// methods but Close may be called concurrently.
type Producer struct {
	file  *os.File
	word  *uint32
	index uint32
}

// NewProducer registers a tracepoint.
func NewProducer(name, fields string, flags uint16) (*Producer, error) {
	file, _, err := tracefs.Open("")
	if err != nil {
		return nil, err
	}
	word, err := tracefs.NewEnableWord()
	if err != nil {
		return nil, err
	}
	index, err := tracefs.Register(file, word, 0, tracefs.NameArgs(name, fields), flags)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Producer{file: file, word: word, index: index}, nil
}

// Close unregisters the tracepoint.
func (p *Producer) Close() error {
	defer p.file.Close()
	if err := tracefs.Unregister(p.file, p.word, 0); err != nil {
		return err
	}
	tracefs.FreeEnableWord(p.word)
	return nil
}

// Enabled reports whether anybody listens.
func (p *Producer) Enabled() bool { return atomic.LoadUint32(p.word) != 0 }

// Write writes what comes behind the write index.
func (p *Producer) Write(data []byte) error {
	b := binary.NativeEndian.AppendUint32(make([]byte, 0, 4+len(data)), p.index)
	b = append(b, data...)
	n, err := unix.Write(int(p.file.Fd()), b)
	if err == nil && n != len(b) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(b))
	}
	return err
}
