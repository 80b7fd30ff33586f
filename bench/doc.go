// SPDX-License-Identifier: Apache-2.0

// Package bench has benchmarks of the exporter, side by side with what it is compared with. "make bench" runs them, and
// "make instructions" counts the instructions that a data point takes.
package bench
