// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

// NewFactory returns the factory of the receiver.
func NewFactory() receiver.Factory { return newFactory(openListener) }

func newFactory(open opener) receiver.Factory {
	create := func(
		_ context.Context, set receiver.Settings, config component.Config, next consumer.Metrics,
	) (receiver.Metrics, error) {
		return newReceiver(set, config.(*Config), next, open)
	}
	return receiver.NewFactory(metadata.Type, createDefaultConfig,
		receiver.WithMetrics(create, metadata.MetricsStability))
}
