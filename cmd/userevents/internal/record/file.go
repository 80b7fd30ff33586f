// SPDX-License-Identifier: Apache-2.0

// Package record writes recordings, and runs a command meanwhile.
package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// File is a file of whole lines: where one could not be written, as on a disk
// that is full, the part of it that was written is removed.
type File struct {
	file      *os.File
	name      string // that it has, or will have
	temporary string // that it has until Publish; empty for one that is written directly
	whole     int64  // bytes
	lines     uint64
	regular   bool // it can be cut
}

// IsStdout reports whether the name of a recording stands for stdout.
func IsStdout(name string) bool { return name == "-" || name == "/dev/stdout" }

// Create creates a file that only its owner may read, as recordings may have
// secrets of the services, beside the one that it replaces when it is published. A
// symbolic link is replaced, and not followed. What is no regular file is written
// to directly.
func Create(name string) (*File, error) {
	const notReplaced = os.ModeNamedPipe | os.ModeDevice | os.ModeSocket
	info, err := os.Lstat(name)
	if isDevice(name) {
		return open(name, nil)
	} else if err == nil && info.Mode()&notReplaced != 0 {
		return open(name, info)
	} else if err == nil && info.IsDir() {
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.New("is a directory")}
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // of mode 0600
	if err != nil {
		return nil, fmt.Errorf("%s cannot be created or replaced: %w", name, err)
	}
	return &File{file: f, name: name, temporary: f.Name(), regular: true}, nil
}

// open opens what is written to directly: seen, if that is not nil. Who owns a
// FIFO, or may write to its folder, might put a link to another file there
// meanwhile.
func open(name string, seen os.FileInfo) (*File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	opened, err := f.Stat()
	if err == nil && seen != nil && !os.SameFile(seen, opened) {
		err = &os.PathError{Op: "open", Path: name, Err: errors.New("it was replaced meanwhile")}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &File{file: f, name: name}, nil
}

// isDevice reports whether a name leads to open files: /dev/fd/3, /dev/stderr.
func isDevice(name string) bool {
	name = filepath.Clean(name)
	return filepath.Dir(name) == "/dev" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/")
}

// Publish gives the file its name. Without it, Close removes the file.
func (f *File) Publish() error {
	if f.temporary == "" {
		return nil
	}
	if err := os.Rename(f.temporary, f.name); err != nil {
		return err
	}
	f.temporary = ""
	return nil
}

// Write writes one line. Its error says how many there are.
func (f *File) Write(line []byte) (int, error) {
	n, err := f.file.Write(line)
	if err == nil {
		f.whole += int64(n)
		f.lines++
		return n, nil
	}
	// It may have been created by another name.
	err = fmt.Errorf("write %s: %w: it has %d lines, which are whole", f.name, errors.Unwrap(err), f.lines)
	if f.regular && n > 0 {
		if cut := f.file.Truncate(f.whole); cut != nil {
			return n, fmt.Errorf("%w, and then the beginning of another: %w", err, cut)
		}
		if _, seek := f.file.Seek(f.whole, io.SeekStart); seek != nil {
			return n, errors.Join(err, seek)
		}
	}
	return n, err
}

// Close makes sure that what was written is on the disk. A second Close does
// nothing.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	var errs []error
	if f.temporary != "" {
		errs = append(errs, os.Remove(f.temporary))
	} else if f.regular {
		errs = append(errs, f.file.Sync())
	}
	errs = append(errs, f.file.Close())
	f.file = nil
	return errors.Join(errs...)
}
