// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// logEvery is how often at most a thing is logged that any process on the host can make happen.
const logEvery = 10 * time.Second

// sparse logs a kind of thing at a bounded rate, and how often it happened.
type sparse struct {
	mu    sync.Mutex
	last  time.Time
	count int
}

func (s *sparse) warn(logger *zap.Logger, message string, fields ...zap.Field) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < logEvery {
		return
	}
	logger.Warn(message, append(fields, zap.Int("times_since_last_told", s.count))...)
	s.last, s.count = now, 0
}
