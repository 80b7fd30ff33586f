// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// source is a listen.Listener, behind a seam for tests.
type source interface {
	Read(ctx context.Context, ev *listen.Event) error
	Stats() listen.Stats
	Info() listen.Info
	Close() error
}

var _ source = (*listen.Listener)(nil)

type opener func(listen.Options) (source, error)

// errHopeless is matched by errors of an opener that trying again does not cure.
var errHopeless = errors.New("cannot be cured while the Collector runs")

func openListener(opts listen.Options) (source, error) {
	l, err := listen.Open(opts)
	if err == nil {
		return l, nil
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("%w: the user_events receiver works on Linux only, this is %s: %w", errHopeless, runtime.GOOS, err)
	}
	if errors.Is(err, listen.ErrInvalidOption) {
		return nil, fmt.Errorf("%w: %w", errHopeless, err)
	}
	return nil, err
}
