// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package tracefs_test

import (
	"os"
	"testing"

	"github.com/otel-userevents/usereventsmetric/internal/conformance"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

type provider struct{ *tracefs.Provider }

func (p provider) Connect(nameArgs string) (conformance.Tracepoint, error) {
	return p.Provider.Connect(nameArgs)
}

var backend = conformance.Backend{
	Open: func() (conformance.Provider, error) {
		file, err := tracefs.OpenUserEventsData("")
		if err != nil {
			return nil, err
		}
		defer file.Close()
		opened, err := tracefs.NewProvider(file)
		return provider{opened}, err
	},
	OpenFile: func(file *os.File) (conformance.Provider, error) {
		opened, err := tracefs.NewProvider(file)
		return provider{opened}, err
	},
	Room:                 tracefs.IndexSize,
	ErrClosed:            tracefs.ErrClosed,
	PassedDescriptor:     true,
	CloseOnExec:          true,
	HealsAfterFailedOpen: true,
	TellsLostDescriptor:  true,
}

func TestKernelConformance(t *testing.T) { conformance.Interface(t, backend) }

func TestKernelCapabilities(t *testing.T) { conformance.Capabilities(t, backend) }
