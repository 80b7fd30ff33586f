// SPDX-License-Identifier: Apache-2.0

// Package endtoend has tests only: applications with the exporter, the kernel, and the Collector that scripts/collector
// builds.
package endtoend
