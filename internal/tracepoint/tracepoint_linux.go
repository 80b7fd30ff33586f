// SPDX-License-Identifier: Apache-2.0

package tracepoint

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Duplicate returns s with a duplicate in place of its file. Close closes the duplicate.
func (s Source) Duplicate() (Source, error) {
	if s.File == nil {
		return s, nil
	}
	duplicate, err := tracefs.Duplicate(s.File)
	return Source{Path: s.Path, File: duplicate}, err
}

// Close closes the file of s, if it has one.
func (s Source) Close() error {
	if s.File == nil {
		return nil
	}
	return s.File.Close()
}

// Provider is an open user_events_data, through which tracepoints are registered. Its methods, and those of its
// tracepoints, may be called concurrently.
type Provider struct {
	backend *provider
	opened  fileID
	lost    atomic.Bool
}

// Open opens user_events_data.
func Open(source Source) (*Provider, error) {
	opened, err := open(source)
	if err != nil {
		return nil, explained(err)
	}
	p := &Provider{backend: opened}
	if p.opened, err = p.stat(); err == nil && !Capable.ClosesDescriptor {
		err = shared.check(p.opened)
	}
	if err != nil {
		opened.Abandon()
		return nil, &tracefs.Error{
			Op: tracefs.OpOpen, Path: tracefs.DataFileName, Err: lost(err),
			Hint: "the backend " + Backend + " opens it once in a process: only a restart of the process helps",
		}
	}
	return p, nil
}

// shared is the file of a backend that opens one descriptor in a process.
var shared sharedFile

type sharedFile struct {
	mu    sync.Mutex
	first fileID
}

// check returns an error where the descriptor is not that of the file that the first provider had.
func (s *sharedFile) check(opened fileID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == (fileID{}) {
		s.first = opened
	}
	if opened != s.first {
		return syscall.EBADF
	}
	return nil
}

// explained is an error of opening, with a hint.
func explained(err error) error {
	err = tracefs.Explain(tracefs.OpOpen, tracefs.DataFileName, err)
	var known *tracefs.Error
	if errors.As(err, &known) && !Capable.HealsAfterFailedOpen && known.Hint != "" {
		known.Hint += "; then restart the process, since the backend " + Backend + " remembers a failed open"
	}
	return err
}

// open opens a descriptor of the backend's own, unless the backend finds the file by itself.
func open(source Source) (*provider, error) {
	if err := source.Supported(); err != nil {
		return nil, err
	}
	if !Capable.PassedDescriptor || source.File != nil {
		return openBackend(source.File)
	}
	file, _, err := tracefs.Open(source.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return openBackend(file)
}

// Register registers a tracepoint: its name, a blank, and the fields, separated by "; ".
func (p *Provider) Register(declaration string) (*Tracepoint, error) {
	registered, err := p.backend.Connect(declaration)
	if err != nil {
		name, _, _ := strings.Cut(declaration, " ")
		return nil, tracefs.Explain(tracefs.OpRegister, name, unified(err))
	}
	return &Tracepoint{registered, p}, nil
}

// Close waits for running writes, unregisters every tracepoint and closes the descriptor. A second Close does nothing.
// An error says that the kernel refused to unregister a tracepoint; everything else is closed all the same. A
// descriptor that is lost is left alone: the error then matches ErrLost.
func (p *Provider) Close() error {
	if err := p.Check(); errors.Is(err, ErrLost) {
		p.backend.Abandon()
		return err
	}
	return p.backend.Close()
}

// fileID identifies a file.
type fileID struct{ device, inode uint64 }

func (p *Provider) stat() (fileID, error) {
	var stat syscall.Stat_t
	err := p.backend.Stat(&stat)
	return fileID{uint64(stat.Dev), stat.Ino}, err
}

// Check returns an error that matches [ErrLost] and syscall.EBADF where the descriptor is no longer that of the file
// which was opened. It costs one system call.
func (p *Provider) Check() error {
	current, err := p.stat()
	if err == nil && (current != p.opened || p.lost.Load()) {
		err = syscall.EBADF
	}
	return unified(err)
}

// lost returns an error that matches ErrLost and err.
func lost(err error) error { return fmt.Errorf("%w: %w", ErrLost, err) }

// Tracepoint is a registered tracepoint. Its methods may be called concurrently.
type Tracepoint struct {
	backend  *registration
	provider *Provider
}

// Enabled reports whether anybody listens: one atomic load. On a closed tracepoint it may report anything; a write then
// returns ErrClosed.
func (t *Tracepoint) Enabled() bool { return t.backend.Enabled() }

// Check is that of the provider.
func (t *Tracepoint) Check() error { return t.provider.Check() }

// Write writes one event with one system call. The first [IndexSize] bytes of event are Write's own to fill, the fields
// follow, laid out as declared. event is neither copied nor kept. nil also where nobody listens.
//
// The error is an errno, or ErrClosed, or one that matches ErrLost and the errno.
func (t *Tracepoint) Write(event []byte) error {
	err := t.backend.Write(event[headroom:])
	if err == syscall.ENOENT {
		// The index is not known to this open file, so it is another one of user_events_data.
		t.provider.lost.Store(true)
		return lost(err)
	}
	return unified(err)
}

// Close waits for running writes and unregisters the tracepoint, unless the descriptor is lost. A second Close does
// nothing.
func (t *Tracepoint) Close() error {
	if err := t.Check(); errors.Is(err, ErrLost) {
		return err
	}
	return t.backend.Close()
}

// unified makes errors of the backends those of this package.
func unified(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed):
		return ErrClosed
	case errors.Is(err, syscall.EBADF):
		return lost(err)
	}
	return err
}
