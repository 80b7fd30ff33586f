// SPDX-License-Identifier: Apache-2.0

package layouttest

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Producer writes to a tracepoint as an exporter does, but any bytes. Its
// methods but Close may be called concurrently.
type Producer struct {
	*tracefs.Registration
	file *os.File

	mu sync.Mutex
	b  []byte // of Write, used again by the next, as an exporter does
}

// NewProducer registers a tracepoint.
func NewProducer(name, fields string, flags uint16) (*Producer, error) {
	file, _, err := tracefs.Open("")
	if err != nil {
		return nil, err
	}
	r, err := tracefs.Register(file, tracefs.NameArgs(name, fields), flags)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Producer{Registration: r, file: file}, nil
}

// Close unregisters the tracepoint.
func (p *Producer) Close() error {
	defer p.file.Close()
	return p.Unregister(p.file)
}

// Shell is a command for bash that writes what Write does, to the file as
// descriptor 3; data must be the same in length for all values of variables in
// it. The program prints its first argument as printf(1) does.
func (p *Producer) Shell(program string, data []byte, variables string) (command string, file *os.File) {
	var s strings.Builder
	for _, b := range append(binary.NativeEndian.AppendUint32(nil, p.Index), data...) {
		fmt.Fprintf(&s, `\%03o`, b)
	}
	return fmt.Sprintf(`%s '%s'"%s" >&3`, program, s.String(), variables), p.file
}

// Write writes what comes behind the write index.
func (p *Producer) Write(data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.b = append(binary.NativeEndian.AppendUint32(p.b[:0], p.Index), data...)
	n, err := unix.Write(int(p.file.Fd()), p.b)
	if err == nil && n != len(p.b) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(p.b))
	}
	return err
}
