// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// listener is a listen.Listener, replaceable for tests.
type listener interface {
	Read(ctx context.Context, ev *listen.Event) error
	Drain(ctx context.Context) iter.Seq2[*listen.Event, error]
	Stats() listen.Stats
	Info() listen.Info
	Close() error
}

var _ listener = (*listen.Listener)(nil)

type opener func(listen.Options) (listener, error)

// errPermanent is matched by errors of an opener that another attempt does not resolve.
var errPermanent = errors.New("permanent")

func openListener(opts listen.Options) (listener, error) {
	l, err := listen.Open(opts)
	if err == nil {
		return l, nil
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("%w: the user_events receiver works on Linux only, this is %s: %w",
			errPermanent, runtime.GOOS, err)
	}
	if errors.Is(err, listen.ErrInvalidOption) {
		return nil, fmt.Errorf("%w: %w", errPermanent, err)
	}
	return nil, err
}
