// SPDX-License-Identifier: Apache-2.0

// Package otelconf tests the recipe of autoexport's README for package otelconf of OpenTelemetry, which is too much to
// require of those who import autoexport.
package otelconf
