// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// open finds user_events_data and registers a tracepoint. Its errors are *tracefs.Error, which name the file, the errno and
// the cure.
func (p place) open(name string) (tracepoint, error) {
	declaration := tracefs.NameArgs(name, tracefs.FieldsOTLP)
	if !capabilities.PassedDescriptor {
		return connect(nil, declaration)
	}
	if p.file != nil {
		return connect(p.file, declaration)
	}
	file, err := tracefs.OpenUserEventsData(p.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return connect(file, declaration)
}

// supported says whether this build can use p.
func (p place) supported() error {
	if p != (place{}) && !capabilities.PassedDescriptor {
		return fmt.Errorf("the backend %s finds user_events_data by itself: %w", backend, errors.ErrUnsupported)
	}
	return nil
}

// own returns p with a duplicate in place of a file that was given.
func (p place) own() (place, error) {
	if p.file == nil {
		return p, nil
	}
	duplicate, err := tracefs.Duplicate(p.file)
	if err != nil {
		return place{}, err
	}
	p.file = duplicate
	return p, nil
}

// release closes the duplicate.
func (p place) release() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
