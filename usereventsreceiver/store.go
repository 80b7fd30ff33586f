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
	storeKey   = "listened"
	storeEvery = 10 * time.Second
)

// store keeps until when the receiver listened, so that the next one knows for how long none did. After a crash that is
// too early by storeEvery at most.
type store struct {
	client storage.Client
	boot   string
	saved  time.Time
}

// listened is what is stored, as JSON.
type listened struct {
	// Boot is the kernel's boot id: nothing written before this boot could have been received.
	Boot  string    `json:"boot"`
	Until time.Time `json:"until"`
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

// load returns until when a receiver listened in this boot, zero if that is unknown.
func (s *store) load(ctx context.Context) (time.Time, error) {
	b, err := s.client.Get(ctx, storeKey)
	if err != nil {
		return time.Time{}, fmt.Errorf("storage: %w", err)
	}
	var l listened
	if json.Unmarshal(b, &l) != nil || l.Boot != s.boot {
		return time.Time{}, nil
	}
	return l.Until, nil
}

func (s *store) due(now time.Time) bool { return now.Sub(s.saved) >= storeEvery }

func (s *store) save(ctx context.Context, until time.Time) error {
	s.saved = until
	b, err := json.Marshal(listened{Boot: s.boot, Until: until.Round(0)})
	if err != nil {
		return err
	}
	if err := s.client.Set(ctx, storeKey, b); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return nil
}

func (s *store) close(ctx context.Context) error { return s.client.Close(ctx) }
