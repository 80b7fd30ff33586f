// SPDX-License-Identifier: Apache-2.0

// Package oracle compares this project's encoder with the OpenTelemetry OTLP exporter for Go. It has tests only.
package oracle
