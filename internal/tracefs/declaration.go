// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"regexp"
)

const (
	// DefaultTracepointName is the tracepoint that exporters of OTLP metrics share.
	DefaultTracepointName = "otlp_metrics"
	// MaxNameLength leaves the kernel's limit of 511 bytes for name and fields far away.
	MaxNameLength = 128
)

var validName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// CheckName returns an error that says how the name of a tracepoint must be, unless name is so.
func CheckName(name string) error { return CheckNameUpTo(name, MaxNameLength) }

// CheckNameUpTo is CheckName with another bound, in bytes.
func CheckNameUpTo(name string, length int) error {
	if len(name) > length || !validName.MatchString(name) {
		return fmt.Errorf("must be [A-Za-z_][A-Za-z0-9_]*, at most %d bytes", length)
	}
	return nil
}

// The declarations of OTLP metrics events, to be put behind a name and a
// blank. They are spelled with "; " since kernels before commit bd125a084091
// (6.10, and backports) compare the declaration of a second process with the
// first one's token by token on blanks, and refuse an unspaced one.
const (
	// FieldsOTLP are the three fields that the Go, Rust and .NET exporters
	// write: protocol 0 (protobuf), the version of OTLP as 8 characters, and
	// one serialized ExportMetricsServiceRequest.
	FieldsOTLP = "u32 protocol; char[8] version; __rel_loc u8[] buffer"
	// FieldsNone is the layout of the C++ exporter, which registers no fields
	// and writes a u32 length and the serialized request behind it.
	FieldsNone = ""
)

// The kernel's limits and names.
const (
	// MaxNameArgs is the longest declaration (name and fields) in bytes
	// without the terminating NUL: MAX_EVENT_DESC is 512.
	MaxNameArgs = 511
	// System is the directory of user events below events/.
	System = "user_events"
	// SystemMulti is the one of events registered with FlagMultiFormat.
	SystemMulti = "user_events_multi"
)

// Flags of a registration.
const (
	// FlagMultiFormat lets a name exist with several layouts (Linux 6.9).
	FlagMultiFormat uint16 = 1 << 1
)

// NameArgs returns the declaration of an event for [Register].
func NameArgs(name, fields string) string {
	if fields == "" {
		return name
	}
	return name + " " + fields
}
