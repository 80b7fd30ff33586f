// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libeventheader

/*
#cgo CFLAGS: -Wall -Wextra -Werror=implicit-function-declaration
#include "implementation.h"

#include <stdlib.h>

#cgo noescape userevents_write_eventheader
#cgo nocallback userevents_write_eventheader
*/
import "C"

import (
	"fmt"
	"os"
	"regexp"
	"syscall"
	"unsafe"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
)

// Backend names the implementation of the interface that this build calls. What it can do beyond the interface is
// libtracepoint.Capable.
const Backend = libtracepoint.Backend

// NameMax is the bound of a tracepoint's name in bytes, the NUL included.
const NameMax = C.EVENTHEADER_NAME_MAX

// Provider is an open user_events_data and the name in front of its tracepoints' names. Its methods, and those of its
// tracepoints, may be called concurrently.
type Provider struct {
	provider *libtracepoint.Provider
	// For C: how the names of the provider's tracepoints begin and end.
	name, options string
}

// OpenProvider finds user_events_data and opens it, by eventheader_open_provider.
//
// Neither a blank, a colon nor NUL may be in name; [A-Za-z0-9_] suits all tools. options is empty, or sorted options of
// an upper-case letter and then digits and lower-case letters, such as "Gmygroup". The error matches syscall.EINVAL for
// others, or else wraps the errno as that of libtracepoint.OpenProvider.
func OpenProvider(name, options string) (*Provider, error) {
	return open(name, options, func() (*libtracepoint.Provider, error) {
		cName, cOptions := C.CString(name), C.CString(options)
		defer free(cName, cOptions)
		return libtracepoint.OpenProviderBy("eventheader_open_provider", func(state unsafe.Pointer) syscall.Errno {
			return syscall.Errno(C.userevents_open_eventheader(
				(*C.tracepoint_provider_state)(state), cName, cOptions))
		})
	})
}

// OpenProviderFile takes a duplicate of an open user_events_data, as libtracepoint.OpenProviderFile does, and with its
// errors.
func OpenProviderFile(file *os.File, name, options string) (*Provider, error) {
	return open(name, options, func() (*libtracepoint.Provider, error) {
		return libtracepoint.OpenProviderFile(file)
	})
}

func open(name, options string, by func() (*libtracepoint.Provider, error)) (*Provider, error) {
	if err := checkNames(name, options); err != nil {
		return nil, err
	}
	provider, err := by()
	if err != nil {
		return nil, err
	}
	return &Provider{provider, name, options}, nil
}

var (
	validName    = regexp.MustCompile(`^[^ :\x00]+$`)
	validOptions = regexp.MustCompile(`^([A-Z][0-9a-z]*)*$`)
)

// checkNames checks the preconditions of the C functions: LinuxTracepoints' library aborts the process where they do
// not hold.
func checkNames(name, options string) error {
	switch {
	case !validName.MatchString(name):
		return fmt.Errorf("libeventheader: provider %q: no blank, colon or NUL may be in it: %w", name, syscall.EINVAL)
	case !validOptions.MatchString(options):
		return fmt.Errorf(
			"libeventheader: options %q: must be like Gmygroup, a letter of A-Z and then 0-9, a-z: %w",
			options, syscall.EINVAL)
	}
	return nil
}

// Connect registers the tracepoint of level, 1 to 255, and keyword, by eventheader_connect:
// <name>_L<level>K<keyword><options>.
//
// The error wraps the errno of the registration, such as EADDRINUSE where the name exists with other fields, or is
// E2BIG where the name is NameMax bytes or longer, or EINVAL where level is 0; then nothing is left connected.
// libtracepoint.ErrClosed after Close.
func (p *Provider) Connect(level uint8, keyword uint64) (*Tracepoint, error) {
	if err := p.checkTracepoint(level, keyword); err != nil {
		return nil, err
	}
	name, options := C.CString(p.name), C.CString(p.options)
	defer free(name, options)
	connected, err := p.provider.ConnectBy("eventheader_connect",
		func(provider, tracepoint unsafe.Pointer) syscall.Errno {
			return syscall.Errno(C.userevents_connect_eventheader(
				(*C.tracepoint_state)(tracepoint), (*C.tracepoint_provider_state)(provider), name, options,
				C.uint8_t(level), C.uint64_t(keyword)))
		})
	if err != nil {
		return nil, err
	}
	return &Tracepoint{connected, level}, nil
}

// checkTracepoint checks the preconditions of eventheader_connect.
func (p *Provider) checkTracepoint(level uint8, keyword uint64) error {
	if level == 0 {
		return fmt.Errorf("libeventheader: level 0: must be 1 to 255: %w", syscall.EINVAL)
	}
	if size := len(fmt.Sprintf("%s_L%xK%x%s", p.name, level, keyword, p.options)); size >= NameMax {
		return fmt.Errorf("libeventheader: provider %q: a name of %d bytes, must be below %d: %w",
			p.name, size, NameMax, syscall.E2BIG)
	}
	return nil
}

// Close waits for running writes, disconnects every tracepoint of the provider and closes its descriptor, by
// eventheader_close_provider. A second Close does nothing. The error is that of libtracepoint's Provider.Close.
func (p *Provider) Close() error {
	return p.provider.CloseBy("eventheader_close_provider", func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_close_eventheader(
			&C.eventheader_provider{state: (*C.tracepoint_provider_state)(state)}))
	})
}

func free(texts ...*C.char) {
	for _, text := range texts {
		C.free(unsafe.Pointer(text))
	}
}
