// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrClosed is returned by calls on a Provider or Tracepoint that was closed.
var ErrClosed = fmt.Errorf("tracefs: %w", os.ErrClosed)

// IndexSize is the room, in bytes, that [Tracepoint.Write] needs in front of
// an event's fields.
const IndexSize = 4

// Provider is an open user_events_data through which tracepoints are
// registered, in pure Go. Its methods, and those of its tracepoints, may be
// called concurrently.
type Provider struct {
	// Writes hold it for reading, whatever opens or closes for writing. So Close
	// waits for running writes, and no write meets a descriptor that was closed.
	mu          sync.RWMutex
	file        *os.File // nil once closed
	fd          int      // of file
	tracepoints map[*Tracepoint]struct{}
}

// NewProvider returns a provider over a duplicate, with O_CLOEXEC, of an open
// user_events_data. The caller keeps file, and may close it afterwards. The
// error wraps the errno (EACCES where file is not open for writing), or
// os.ErrClosed.
func NewProvider(file *os.File) (*Provider, error) {
	duplicate, fd, err := duplicate(file)
	if err != nil {
		return nil, err
	}
	return &Provider{file: duplicate, fd: fd, tracepoints: make(map[*Tracepoint]struct{})}, nil
}

// Duplicate returns a duplicate of file, with O_CLOEXEC. The error is as that
// of NewProvider.
func Duplicate(file *os.File) (*os.File, error) {
	duplicate, _, err := duplicate(file)
	return duplicate, err
}

func duplicate(file *os.File) (_ *os.File, fd int, err error) {
	err = control(file, func(theirs int) error {
		// The kernel registers through a descriptor that cannot write, and then
		// says EBADF to each write, as it does where nobody listens.
		flags, err := unix.FcntlInt(uintptr(theirs), unix.F_GETFL, 0)
		if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
			err = syscall.EACCES
		}
		if err == nil {
			fd, err = unix.FcntlInt(uintptr(theirs), unix.F_DUPFD_CLOEXEC, 0)
		}
		return err
	})
	if err != nil {
		if err == syscall.EACCES {
			return nil, -1, fmt.Errorf("tracefs: %s: the descriptor is not open for writing: %w", file.Name(), err)
		}
		return nil, -1, fmt.Errorf("tracefs: %s: duplicating the descriptor: %w", file.Name(), err)
	}
	return os.NewFile(uintptr(fd), file.Name()), fd, nil
}

// Connect registers the tracepoint that nameArgs declares. The error is an
// [*Error], or ErrClosed after Close.
func (p *Provider) Connect(nameArgs string) (*Tracepoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil, ErrClosed
	}
	word, err := NewEnableWord()
	if err != nil {
		return nil, err
	}
	index, err := Register(p.file, word, 0, nameArgs, 0)
	if err != nil {
		FreeEnableWord(word)
		return nil, err
	}
	t := &Tracepoint{provider: p, word: word, index: index, open: true}
	p.tracepoints[t] = struct{}{}
	return t, nil
}

// Close waits for running writes, unregisters every tracepoint and closes the
// descriptor. A second Close does nothing. An error says that the kernel
// refused to unregister; everything else is closed all the same.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	var errs []error
	for t := range p.tracepoints {
		errs = append(errs, t.unregister())
	}
	err := errors.Join(errs...)
	if errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.ENOTTY) {
		// Somebody else has closed the descriptor. Its number may be another
		// file's by now, which is not ours to close.
		lost.keep(p.file)
	} else {
		err = errors.Join(err, p.file.Close())
	}
	p.file = nil
	return err
}

// lost has the files that must never be closed, not even by the garbage
// collector.
var lost lostFiles

type lostFiles struct {
	mu    sync.Mutex
	files []*os.File
}

func (l *lostFiles) keep(f *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = append(l.files, f)
}

// Tracepoint is a registered tracepoint. Its methods may be called
// concurrently.
type Tracepoint struct {
	provider *Provider
	index    uint32
	// The kernel keeps it up to date. Its memory is there as long as the
	// process, so it can be read without a lock, even beside a Close.
	word *uint32
	open bool // guarded by provider.mu
}

// Enabled reports whether anybody listens: one atomic load. On a closed
// tracepoint it may report anything; a write then returns ErrClosed.
func (t *Tracepoint) Enabled() bool {
	return atomic.LoadUint32(t.word) != 0
}

// Write writes one event with one write(2). The first IndexSize bytes of buf
// are Write's own to fill, the fields follow, laid out as declared. nil also
// where nobody listens.
//
// The error is a syscall.Errno or ErrClosed. EBADF says that the descriptor
// was closed by somebody else: where the kernel says so because the last
// listener left a moment ago, the error is nil.
func (t *Tracepoint) Write(buf []byte) error {
	t.provider.mu.RLock()
	defer t.provider.mu.RUnlock()
	if !t.open {
		return ErrClosed
	}
	if !t.Enabled() {
		return nil
	}
	binary.NativeEndian.PutUint32(buf, t.index)
	_, err := unix.Write(t.provider.fd, buf)
	if err == unix.EBADF {
		if _, err := unix.FcntlInt(uintptr(t.provider.fd), unix.F_GETFD, 0); err == nil {
			return nil
		}
	}
	return err
}

// Close waits for running writes and unregisters the tracepoint. A second
// Close does nothing.
func (t *Tracepoint) Close() error {
	t.provider.mu.Lock()
	defer t.provider.mu.Unlock()
	return t.unregister()
}

// unregister is called with provider.mu held.
func (t *Tracepoint) unregister() error {
	if !t.open {
		return nil
	}
	t.open = false
	delete(t.provider.tracepoints, t)
	err := Unregister(t.provider.file, t.word, 0)
	if err == nil {
		// Otherwise the kernel may still write it.
		atomic.StoreUint32(t.word, 0)
		FreeEnableWord(t.word)
	}
	return err
}
