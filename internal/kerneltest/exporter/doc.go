// SPDX-License-Identifier: Apache-2.0

// Package exporter holds the kernel tests that use the exporter as a service does: its faults, its deployment as
// docs/deployment.md describes it, descriptors that it is given, several processes, and storms of signals and forks.
package exporter
