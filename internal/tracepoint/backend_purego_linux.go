// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || purego

package tracepoint

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Backend names what this build writes through.
const Backend = "purego"

// Capable is what the backend can do.
var Capable = Capabilities{
	HealsAfterFailedOpen: true,
	CloseOnExec:          true,
	PassedDescriptor:     true,
	ClosesDescriptor:     true,
}

// headroom is left out of what the backend writes: nothing, it puts the index there.
const headroom = 0

// provider is the backend in pure Go, over package tracefs.
type provider struct {
	// Writes hold it for reading, whatever opens or closes for writing. So Close
	// waits for running writes, and no write meets a descriptor that was closed.
	mu          sync.RWMutex
	file        *os.File // nil once closed
	fd          int      // of file
	tracepoints map[*registration]struct{}
}

// openBackend takes a duplicate of file.
func openBackend(file *os.File) (*provider, error) {
	duplicate, err := tracefs.Duplicate(file)
	if err != nil {
		return nil, err
	}
	p := &provider{file: duplicate, tracepoints: make(map[*registration]struct{})}
	return p, tracefs.Control(duplicate, func(fd int) error {
		p.fd = fd
		return nil
	})
}

func (p *provider) Connect(nameArgs string) (*registration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil, ErrClosed
	}
	word, err := tracefs.NewEnableWord()
	if err != nil {
		return nil, err
	}
	index, err := tracefs.Register(p.file, word, 0, nameArgs, 0)
	if err != nil {
		tracefs.FreeEnableWord(word)
		return nil, err
	}
	t := &registration{provider: p, word: word, index: index, open: true}
	p.tracepoints[t] = struct{}{}
	return t, nil
}

func (p *provider) Stat(stat *syscall.Stat_t) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.file == nil {
		return ErrClosed
	}
	return syscall.Fstat(p.fd, stat)
}

func (p *provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.file == nil {
		return nil
	}
	var errs []error
	for t := range p.tracepoints {
		errs = append(errs, t.unregister())
	}
	errs = append(errs, p.file.Close())
	p.file = nil
	return errors.Join(errs...)
}

func (p *provider) Abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.tracepoints {
		t.open = false
	}
	abandoned.Store(p, p.file)
	p.file = nil
}

// abandoned keeps files from the garbage collector, which would close them.
var abandoned sync.Map

type registration struct {
	provider *provider
	index    uint32
	// The kernel keeps it up to date. Its memory is there as long as the
	// process, so it can be read without a lock, even beside a Close.
	word *uint32
	open bool // guarded by provider.mu
}

func (t *registration) Enabled() bool {
	return atomic.LoadUint32(t.word) != 0
}

func (t *registration) Write(buf []byte) error {
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
		// The kernel also says so where the last listener left a moment ago.
		if _, err := unix.FcntlInt(uintptr(t.provider.fd), unix.F_GETFD, 0); err == nil {
			return nil
		}
	}
	return err
}

func (t *registration) Close() error {
	t.provider.mu.Lock()
	defer t.provider.mu.Unlock()
	return t.unregister()
}

// unregister is called with provider.mu held.
func (t *registration) unregister() error {
	if !t.open {
		return nil
	}
	t.open = false
	delete(t.provider.tracepoints, t)
	err := tracefs.Unregister(t.provider.file, t.word, 0)
	if err == nil {
		// Otherwise the kernel may still write it.
		atomic.StoreUint32(t.word, 0)
		tracefs.FreeEnableWord(t.word)
	}
	return err
}
