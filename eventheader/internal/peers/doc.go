// SPDX-License-Identifier: Apache-2.0

// Package peers has tests only: package eventheader against independent code, the Rust crates eventheader_dynamic,
// which writes events, and tracepoint_decode, which decodes them, through the kernel. "make peers" runs them, and
// scripts/eventheader-peer builds the program in folder rust that uses the crates.
package peers
