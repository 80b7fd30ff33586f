// SPDX-License-Identifier: Apache-2.0

// Package autoexport adds two values of OTEL_METRICS_EXPORTER to [go.opentelemetry.io/contrib/exporters/autoexport],
// for programs that call its NewMetricReader:
//
//   - user_events: an exporter of package usereventsmetric and its reader, which collects only while somebody listens.
//   - user_events+otlp: one reader whose collections go there and to an OTLP endpoint; neither waits for the other.
//
// It is imported for that effect only:
//
//	import _ "github.com/otel-userevents/usereventsmetric/autoexport"
//
// README.md has the variables, the limits, and what to do with package otelconf.
package autoexport
