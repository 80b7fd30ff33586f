// SPDX-License-Identifier: Apache-2.0

// Written by hand in the form of what mdatagen makes of metadata.yaml.

// Package metadata has the type, the stability and the telemetry of the user_events receiver.
package metadata

import (
	"go.opentelemetry.io/collector/component"
)

var (
	Type      = component.MustNewType("user_events")
	ScopeName = "github.com/otel-userevents/usereventsmetric/usereventsreceiver"
)

const (
	MetricsStability = component.StabilityLevelAlpha
)
