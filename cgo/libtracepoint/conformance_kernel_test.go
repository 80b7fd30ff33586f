// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package libtracepoint_test

import (
	"os"
	"testing"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/conformance"
)

type provider struct{ *libtracepoint.Provider }

func (p provider) Connect(nameArgs string) (conformance.Tracepoint, error) {
	return p.Provider.Connect(nameArgs)
}

var backend = conformance.Backend{
	Open: func() (conformance.Provider, error) {
		opened, err := libtracepoint.OpenProvider()
		return provider{opened}, err
	},
	OpenFile: func(file *os.File) (conformance.Provider, error) {
		opened, err := libtracepoint.OpenProviderFile(file)
		return provider{opened}, err
	},
	ErrClosed:            libtracepoint.ErrClosed,
	PassedDescriptor:     libtracepoint.Capable.PassedDescriptor,
	CloseOnExec:          libtracepoint.Capable.CloseOnExec,
	HealsAfterFailedOpen: libtracepoint.Capable.HealsAfterFailedOpen,
	TellsLostDescriptor:  libtracepoint.Backend == "bundled",
}

func TestKernelConformance(t *testing.T) { conformance.Interface(t, backend) }

func TestKernelCapabilities(t *testing.T) { conformance.Capabilities(t, backend) }
