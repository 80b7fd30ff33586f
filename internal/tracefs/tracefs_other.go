// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tracefs

import (
	"errors"
	"os"
)

func unsupported(op, path string) error { return Explain(op, path, errors.ErrUnsupported) }

// Find fails with errors.ErrUnsupported: there is no tracefs but on Linux.
func Find() (Location, error) { return Location{}, unsupported(OpFind, DataFileName) }

// Open fails with errors.ErrUnsupported.
func Open(explicit string) (*os.File, Location, error) {
	if explicit == "" {
		explicit = DataFileName
	}
	return nil, Location{}, unsupported(OpOpen, explicit)
}

// Events fails with errors.ErrUnsupported.
func (l Location) Events(system string) ([]string, error) { return nil, unsupported(OpRead, system) }

// Format fails with errors.ErrUnsupported.
func (l Location) Format(_, name string) (*Format, error) { return nil, unsupported(OpRead, name) }

// NewEnableWord fails with errors.ErrUnsupported.
func NewEnableWord() (*uint32, error) { return nil, unsupported(OpRegister, "") }

// FreeEnableWord does nothing.
func FreeEnableWord(*uint32) {}

// Register fails with errors.ErrUnsupported.
func Register(_ *os.File, _ *uint32, _ uint8, nameArgs string, _ uint16) (uint32, error) {
	return 0, unsupported(OpRegister, nameArgs)
}

// Unregister fails with errors.ErrUnsupported.
func Unregister(*os.File, *uint32, uint8) error { return unsupported(OpUnregister, "") }
