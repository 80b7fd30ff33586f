// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || purego

package tracepoint

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
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
	registered, err := tracefs.Register(p.file, nameArgs, 0)
	if err != nil {
		return nil, err
	}
	t := &registration{Registration: registered, provider: p, open: true}
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
	*tracefs.Registration // Enabled needs no lock, even beside a Close
	provider              *provider
	open                  bool // guarded by provider.mu
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
	binary.NativeEndian.PutUint32(buf, t.Index)
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
	return t.Unregister(t.provider.file)
}
