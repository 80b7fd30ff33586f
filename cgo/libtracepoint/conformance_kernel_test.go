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

func TestKernelConformance(t *testing.T) {
	conformance.Run(t, conformance.Backend{
		Open: func() (conformance.Provider, error) {
			opened, err := libtracepoint.OpenProvider()
			return provider{opened}, err
		},
		OpenFile: func(file *os.File) (conformance.Provider, error) {
			opened, err := libtracepoint.OpenProviderFile(file)
			return provider{opened}, err
		},
		ErrClosed:            libtracepoint.ErrClosed,
		CloseOnExec:          true,
		HealsAfterFailedOpen: true,
		TellsLostDescriptor:  true,
	})
}
