// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// installBundled lays the bundled implementation out as an installed library is: the headers below <prefix>/include,
// and its sources, which know it under the interface's public names there.
func installBundled(t *testing.T) (prefix string) {
	t.Helper()
	prefix = t.TempDir()
	include := filepath.Join(prefix, "include", "tracepoint")
	require.NoError(t, os.MkdirAll(include, 0o755))
	headers, err := filepath.Glob("tracepoint*.h")
	require.NoError(t, err)
	require.Len(t, headers, 3)
	for _, header := range headers {
		text, err := os.ReadFile(header)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(include, header), text, 0o644))
	}
	return prefix
}

func compiler(variable, usual string) string {
	if named := os.Getenv(variable); named != "" {
		return named
	}
	return usual
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	output, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, output)
}

// A C program that was compiled against the headers as installed, and linked with the bundled implementation under the
// public names. What needs a kernel is tested in package interfacetest.
func TestInterfaceFromC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "interface")
	run(t, compiler("CC", "gcc"), "-std=gnu11", "-Wall", "-Wextra", "-Werror",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", program,
		"-I", filepath.Join(installBundled(t), "include"), "interfacetest/interface_linux.c",
		"tracepoint_linux.c", "mountinfo_linux.c", "-pthread")
	run(t, program, "closed")
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
	run(t, compiler("CXX", "g++"), "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
		"-I", filepath.Join(installBundled(t), "include"), source)
}

// The names in the Go build carry the prefix, so that another implementation can be linked beside it.
func TestNamesInTheGoBuildCarryAPrefix(t *testing.T) {
	object := filepath.Join(t.TempDir(), "tracepoint.o")
	run(t, compiler("CC", "gcc"), "-DUSEREVENTS_PREFIXED", "-c", "-o", object, "tracepoint_linux.c")
	symbols, err := exec.Command("nm", "--defined-only", "--extern-only", "--format=just-symbols", object).Output()
	require.NoError(t, err)
	require.NotEmpty(t, symbols)
	for _, symbol := range strings.Fields(string(symbols)) {
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
	run(t, compiler("CC", "gcc"), "-std=gnu11", "-fsyntax-only", "-I", ".", source)
}
