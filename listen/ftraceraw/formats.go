// SPDX-License-Identifier: Apache-2.0

package ftraceraw

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// addFormats takes the formats of tracepoints that are wanted.
func (r *Reader) addFormats(formats []*tracefs.Format) error {
	for _, f := range formats {
		name := f.Name
		if !slices.Contains(r.opts.Names, name) {
			// Of user_events_multi: otlp_metrics.1f.
			i := strings.LastIndexByte(name, '.')
			if i < 0 || !slices.Contains(r.opts.Names, name[:i]) {
				continue
			}
			name = name[:i]
		}
		d, err := layout.NewIn(f, r.opts.ByteOrder)
		if err != nil {
			return fmt.Errorf("ftraceraw: %w", err)
		}
		r.points[f.ID] = &tracepoint{name, d}
	}
	if len(r.points) == 0 {
		return fmt.Errorf("ftraceraw: none of the %d formats is that of %s: %w", len(formats), strings.Join(r.opts.Names, ", "), ErrNoFormat)
	}
	return nil
}

// hostFormats reads the formats of tracepoints that are registered on this
// machine.
func hostFormats(names []string) ([]*tracefs.Format, error) {
	l, err := tracefs.Find()
	if err != nil {
		return nil, fmt.Errorf("ftraceraw: Options.Formats are needed, or this machine's: %w", err)
	}
	var formats []*tracefs.Format
	var missing error
	add := func(system, name string) {
		f, err := l.Format(system, name)
		if err != nil {
			missing = err
			return
		}
		formats = append(formats, f)
	}
	for _, name := range names {
		add(tracefs.System, name)
		multi, err := os.ReadDir(filepath.Join(l.Dir, "events", tracefs.SystemMulti))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			missing = err
		}
		for _, entry := range multi {
			if strings.HasPrefix(entry.Name(), name+".") {
				add(tracefs.SystemMulti, entry.Name())
			}
		}
	}
	if len(formats) == 0 {
		return nil, fmt.Errorf("ftraceraw: %s: the event is not registered now (give its format of then in Options.Formats): %w: %w", strings.Join(names, ", "), ErrNoFormat, missing)
	}
	return formats, nil
}

// header is how pages are made up.
func (o Options) header() (header, error) {
	h := defaultHeader(defaultPageSize)
	if text := o.HeaderPage; text != "" {
		var ok bool
		if h, ok = parseHeaderPage(text); !ok {
			return h, fmt.Errorf("ftraceraw: HeaderPage: not the text of events/header_page: %w", ErrInvalidOption)
		}
	} else if l, err := tracefs.Find(); err == nil && l.Dir != "" {
		text, err := os.ReadFile(filepath.Join(l.Dir, "events", "header_page"))
		if host, ok := parseHeaderPage(string(text)); err == nil && ok {
			h = host
		}
	}
	if o.PageSize != 0 {
		h.pageSize = o.PageSize
		if !h.valid() {
			return h, fmt.Errorf("ftraceraw: PageSize %d: less than a page's header: %w", o.PageSize, ErrInvalidOption)
		}
	}
	h.big = bigEndian(o.ByteOrder)
	return h, nil
}
