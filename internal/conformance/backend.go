// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package conformance is the one set of tests for everything that registers tracepoints and writes to them: the wrapper of
// the libtracepoint interface over each implementation of it, and the pure Go backend. It needs a kernel with user_events,
// and root.
package conformance

import (
	"os"
	"testing"
)

// Provider is what a backend calls its provider.
type Provider interface {
	Connect(nameArgs string) (Tracepoint, error)
	Close() error
}

// Tracepoint is what a backend calls its tracepoint.
type Tracepoint interface {
	Enabled() bool
	Write(payload []byte) error
	Close() error
}

// Backend is what is tested.
type Backend struct {
	// Open finds user_events_data and opens it.
	Open func() (Provider, error)
	// OpenFile takes a duplicate of an open user_events_data.
	OpenFile func(*os.File) (Provider, error)
	// PassedDescriptor says that OpenFile works; else it fails with errors.ErrUnsupported.
	PassedDescriptor bool
	// Room is how many bytes Write wants in front of a payload, for its own use.
	Room int
	// ErrClosed is what calls on something closed return.
	ErrClosed error
	// CloseOnExec says that child processes do not inherit descriptors.
	CloseOnExec bool
	// HealsAfterFailedOpen says that Open can succeed after it has failed in this process.
	HealsAfterFailedOpen bool
	// TellsLostDescriptor says that a write to a descriptor which somebody else has closed is told from one to nobody.
	TellsLostDescriptor bool
}

// event returns what Write takes for a payload.
func (b Backend) event(payload []byte) []byte {
	return append(make([]byte, b.Room), payload...)
}

type row struct {
	name string
	run  func(*testing.T, Backend)
}

// Interface runs what every backend must pass, each row as a subtest.
func Interface(t *testing.T, backend Backend) {
	run(t, backend, []row{
		{"a write reaches the listener, and only while there is one", writeReachesListener},
		{"a write to nobody is no error", writeToNobody},
		{"a write that the kernel refuses is its errno", writeErrors},
		{"a registration that the kernel refuses is its errno", registrationErrors},
		{"two tracepoints of one name and one declaration", sameDeclaration},
		{"two tracepoints of one provider", twoTracepoints},
		{"an event with no fields", noFields},
		{"closing twice, and using what is closed", closed},
		{"closing a tracepoint leaves the others", closeOne},
		{"opening again after closing", reopen},
		{"nothing is left over", nothingLeft},
		{"a registration outlives the thread that made it", outlivesThread},
		{"closing beside writes", closeBesideWrites},
		{"connecting beside writes", connectBesideWrites},
		{"a write allocates nothing", writeAllocatesNothing},
	})
}

// Capabilities asserts that the backend can do what it says it can, and nothing that it says it cannot.
func Capabilities(t *testing.T, backend Backend) {
	run(t, backend, []row{
		{"close on exec", closeOnExec},
		{"a given descriptor", givenDescriptor},
		{"a lost descriptor is told", lostDescriptor},
	})
}

func run(t *testing.T, backend Backend, rows []row) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { row.run(t, backend) })
	}
}
