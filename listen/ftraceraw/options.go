// SPDX-License-Identifier: Apache-2.0

package ftraceraw

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Options says what to read. The zero value reads otlp_metrics, in pages of
// this machine.
type Options struct {
	// Names are the tracepoints wanted, as they were registered. Default:
	// otlp_metrics.
	Names []string
	// Formats are the texts of their format files, such as
	// /sys/kernel/tracing/events/user_events/otlp_metrics/format. Default: those
	// of this machine.
	Formats []string
	// HeaderPage is the text of events/header_page, which tells the size of a
	// page and of a long. Default: that of this machine, or a 64-bit kernel's with
	// 4096 bytes.
	HeaderPage string
	// PageSize is the size of a page (of a sub-buffer, as ftrace has it) in bytes, 64
	// bytes to 1 MiB. Default: as HeaderPage tells.
	PageSize int
	// CPU is what Event.CPU shall be. The pages do not tell.
	CPU int
	// ByteOrder is that of the machine the pages are from. Default: this
	// machine's.
	ByteOrder binary.ByteOrder
}

const (
	minPageSize     = 64
	maxPageSize     = 1 << 20
	defaultPageSize = 4096
)

var (
	// ErrInvalidOption is matched by the error of NewReader for an option with
	// a value that it cannot have.
	ErrInvalidOption = errors.New("invalid option")
	// ErrNoFormat is matched by the error of NewReader if no tracepoint that is
	// wanted has a format.
	ErrNoFormat = errors.New("no format of the tracepoint")
	// ErrFormat is matched by the error for what are no pages of ftrace.
	ErrFormat = errors.New("not the binary pages of ftrace")
)

func (o Options) validate() (Options, []*tracefs.Format, error) {
	if len(o.Names) == 0 {
		o.Names = []string{tracefs.DefaultTracepointName}
	}
	for _, name := range o.Names {
		if name == "" {
			return o, nil, fmt.Errorf("ftraceraw: Names: an empty name: %w", ErrInvalidOption)
		}
	}
	if o.PageSize != 0 && (o.PageSize < minPageSize || o.PageSize > maxPageSize) {
		return o, nil, fmt.Errorf("ftraceraw: PageSize %d: %d to %d bytes are possible: %w", o.PageSize, minPageSize, maxPageSize, ErrInvalidOption)
	}
	if o.ByteOrder == nil {
		o.ByteOrder = binary.NativeEndian
	}
	var formats []*tracefs.Format
	for i, text := range o.Formats {
		f, err := tracefs.ParseFormat(text)
		if err != nil {
			return o, nil, fmt.Errorf("ftraceraw: Formats[%d]: %w: %w", i, err, ErrInvalidOption)
		}
		formats = append(formats, f)
	}
	return o, formats, nil
}
