// SPDX-License-Identifier: Apache-2.0

// Package oracle compares this project's encoder with the OpenTelemetry OTLP exporter for Go.
//
// It has tests only, and is a module of its own so that the exporter and its dependencies stay out of the main one. The
// exporter runs with an HTTP transport that keeps what it sends; the encoder's messages are put together again and must
// equal that, for every kind of data and any limit.
package oracle
