// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// What the tests of package usereventsmetric_test see of the inside.

// NewObserved is New, with seen called for the payload of each event before it is written.
func NewObserved(seen func(payload []byte), opts ...Option) (*Exporter, error) {
	open := func(name string) (registration, error) {
		opened, err := register(tracepoint.Source{}, name)
		return observed{opened, seen}, err
	}
	return newExporter(open, opts...)
}

type observed struct {
	registration
	seen func([]byte)
}

func (o observed) Write(event []byte) error {
	o.seen(event[tracepoint.IndexSize:])
	return o.registration.Write(event)
}

// SetPause replaces what happens in a pause of the pacing. It is given what would have happened.
func (e *Exporter) SetPause(pause func(sleep func())) {
	sleep := tracepoint.Sleep
	e.pacer.Sleep = func(ctx context.Context, d time.Duration) (err error) {
		pause(func() { err = sleep(ctx, d) })
		return err
	}
}

// Stress is what the stress tests with and without a kernel do.
var Stress = stress
