// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cgo/internal/ctest"
)

// installBundled lays the bundled implementation's headers out as an installed library's are.
func installBundled(t *testing.T) (include string) {
	t.Helper()
	include = t.TempDir()
	ctest.Install(t, include, "tracepoint", "tracepoint.h", "tracepoint-names.h", "tracepoint-state.h")
	return include
}

// A C program that was compiled against the headers as installed, and linked with the bundled implementation under the
// public names. What needs a kernel is tested in package interfacetest.
func TestInterfaceFromC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "interface")
	ctest.Run(t, ctest.CC(), "-std=gnu11", "-Wall", "-Wextra", "-Werror",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", program,
		"-I", installBundled(t), "interfacetest/interface_linux.c",
		"tracepoint_linux.c", "mountinfo_linux.c", "-pthread")
	ctest.Run(t, program, "closed")
}

func TestHeadersAreCPlusPlus(t *testing.T) {
	source := filepath.Join(t.TempDir(), "user.cpp")
	require.NoError(t, os.WriteFile(source, []byte(`
#include <tracepoint/tracepoint.h>
static tracepoint_provider_state provider = TRACEPOINT_PROVIDER_STATE_INIT;
static tracepoint_state state = TRACEPOINT_STATE_INIT;
static tracepoint_definition definition = {&state, "name u32 a"};
unsigned enabled() {
    return TRACEPOINT_ENABLED(definition.state) +
        (unsigned)tracepoint_connect(&state, &provider, definition.tp_name_args);
}
`), 0o644))
	ctest.Run(t, ctest.CXX(), "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
		"-I", installBundled(t), source)
}

// The names in the Go build carry the prefix, so that another implementation can be linked beside it.
func TestNamesInTheGoBuildCarryAPrefix(t *testing.T) {
	object := filepath.Join(t.TempDir(), "tracepoint.o")
	ctest.Run(t, ctest.CC(), "-DUSEREVENTS_PREFIXED", "-c", "-o", object, "tracepoint_linux.c")
	for symbol := range strings.FieldsSeq(ctest.Symbols(t, object)) {
		require.Regexp(t, "^userevents_", symbol)
	}
}

// The numbers of the ABI that the C code declares for itself are those of the kernel's header. make names one.
func TestNumbersAgainstTheHeader(t *testing.T) {
	header := os.Getenv("USEREVENTS_TEST_HEADER")
	if header == "" {
		header = "/usr/include/linux/user_events.h"
	}
	if _, err := os.Stat(header); err != nil {
		t.Skip(
			"no linux/user_events.h on this machine: " +
				"install linux-libc-dev 6.4 or newer, or run make unit, which finds one",
		)
	}
	source := filepath.Join(t.TempDir(), "numbers.c")
	require.NoError(t, os.WriteFile(source, []byte(`
#include "`+header+`"
#include "tracepoint_linux.c"
_Static_assert(DIAG_IOCSREG == USER_EVENTS_REGISTER, "register");
_Static_assert(DIAG_IOCSUNREG == USER_EVENTS_UNREGISTER, "unregister");
#define SAME(ours, theirs, field) \
    _Static_assert(offsetof(ours, field) == offsetof(struct theirs, field) && \
        sizeof(((ours *)0)->field) == sizeof(((struct theirs *)0)->field), #field)
SAME(user_event_registration, user_reg, size);
SAME(user_event_registration, user_reg, enable_bit);
SAME(user_event_registration, user_reg, enable_size);
SAME(user_event_registration, user_reg, flags);
SAME(user_event_registration, user_reg, enable_addr);
SAME(user_event_registration, user_reg, name_args);
SAME(user_event_registration, user_reg, write_index);
SAME(user_event_removal, user_unreg, size);
SAME(user_event_removal, user_unreg, disable_bit);
SAME(user_event_removal, user_unreg, disable_addr);
_Static_assert(sizeof(user_event_registration) == sizeof(struct user_reg), "size of struct user_reg");
_Static_assert(sizeof(user_event_removal) == sizeof(struct user_unreg), "size of struct user_unreg");
`), 0o644))
	ctest.Run(t, ctest.CC(), "-std=gnu11", "-fsyntax-only", "-I", ".", source)
}
