// SPDX-License-Identifier: Apache-2.0

// Package record writes recordings.
package record

import (
	"fmt"
	"io"
	"os"
)

// File is a file of whole lines: where one could not be written, as on a disk
// that is full, the part of it that was is taken away again.
type File struct {
	file  *os.File
	whole int64 // bytes
	lines uint64
	plain bool // a regular file, which can be cut
}

// Create begins a file anew, which only its owner may read, as recordings tell
// about the services.
func Create(name string) (*File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{file: f, plain: info.Mode().IsRegular()}, nil
}

var _ io.Writer = (*File)(nil)

// Write writes one line. Its error says how many there are.
func (f *File) Write(line []byte) (int, error) {
	n, err := f.file.Write(line)
	if err == nil {
		f.whole += int64(n)
		f.lines++
		return n, nil
	}
	if f.plain && n > 0 {
		if cut := f.file.Truncate(f.whole); cut != nil {
			return n, fmt.Errorf("%w (and its last line is cut off: %w)", err, cut)
		}
		if _, seek := f.file.Seek(f.whole, io.SeekStart); seek != nil {
			return n, fmt.Errorf("%w (%w)", err, seek)
		}
	}
	return n, fmt.Errorf("%w: it has %d lines, which are whole", err, f.lines)
}

// Close makes sure that what was written is on the disk.
func (f *File) Close() error {
	var err error
	if f.plain {
		err = f.file.Sync()
	}
	if closeErr := f.file.Close(); err == nil {
		err = closeErr
	}
	return err
}
