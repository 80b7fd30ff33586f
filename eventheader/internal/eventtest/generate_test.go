// SPDX-License-Identifier: Apache-2.0

package eventtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

func TestEveryKindIsMade(t *testing.T) {
	g := eventtest.NewGenerator(1)
	for range 3000 {
		g.Event()
	}
	for _, kind := range eventtest.Kinds() {
		assert.NotZero(t, g.Counts[kind], "never made: %s", kind)
		delete(g.Counts, kind)
	}
	assert.Empty(t, g.Counts, "made, though Kinds does not say so")
}
