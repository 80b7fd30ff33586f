// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
)

const (
	storeKey = "listened"
	// Progress is stored each second while something is received, or as often as takes a thousandth of the time, and at
	// least each storeEvery.
	storeEvery = 10 * time.Second
	storeShare = 1000
	// storeIdleEvery is how often it is while nothing is received: that is most of what an idle receiver does.
	storeIdleEvery = 30 * time.Second
	// readWithin is what the listener may take from waking up to having an event in the queue, on a busy machine.
	readWithin = time.Second
)

// store keeps how far the receiver came, so that the next one knows what nobody received.
type store struct {
	client storage.Client
	boot   string
	until  time.Time // as stored last
	saved  time.Time // when
	took   time.Duration
}

// progress is what is stored, as JSON.
type progress struct {
	// Boot is the kernel's boot id: nothing written before this boot could have been received.
	Boot string `json:"boot"`
	// Until says that what was written before was received, and accepted by the next consumer or counted as lost.
	Until time.Time `json:"until"`
	// Ended is whether the receiver ended after that. If not it was killed, later than Until: what it received in
	// between may have been accepted or not.
	Ended bool `json:"ended"`
}

func openStore(ctx context.Context, host component.Host, id, extension component.ID) (*store, error) {
	e, ok := host.GetExtensions()[extension]
	if !ok {
		return nil, fmt.Errorf("storage: extension %q is not configured: name it in service::extensions", extension)
	}
	s, ok := e.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q is not a storage extension", extension)
	}
	client, err := s.GetClient(ctx, component.KindReceiver, id, "")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return &store{client: client, boot: procfs.Default.BootID()}, nil
}

// load returns how far the previous receiver came in this boot, the zero value if that is unknown.
func (s *store) load(ctx context.Context) (progress, error) {
	b, err := s.client.Get(ctx, storeKey)
	if err != nil {
		return progress{}, fmt.Errorf("storage: %w", err)
	}
	var p progress
	if json.Unmarshal(b, &p) != nil || p.Boot != s.boot {
		return progress{}, nil
	}
	return p, nil
}

// due reports whether progress is to be stored. Something was received since the last time, if busy.
func (s *store) due(now time.Time, busy bool) bool {
	every := storeIdleEvery
	if busy {
		every = min(storeEvery, max(accountEvery, storeShare*s.took))
	}
	return now.Sub(s.saved) >= every-accountEvery/2 // it is asked each accountEvery, not to the moment
}

func (s *store) save(ctx context.Context, until time.Time, ended bool) error {
	begin := time.Now()
	s.until, s.saved = until, begin
	b, err := json.Marshal(progress{Boot: s.boot, Until: until.Round(0), Ended: ended})
	if err != nil {
		return err
	}
	if err := s.client.Set(ctx, storeKey, b); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s.took = time.Since(begin)
	return nil
}

func (s *store) close(ctx context.Context) error { return s.client.Close(ctx) }
