// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libeventheader_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cgo/internal/ctest"
)

// installBundled lays the headers of both bundled implementations out as those of installed libraries are, and what one
// offers the other beyond its interface.
func installBundled(t *testing.T) (include string) {
	t.Helper()
	include = t.TempDir()
	const libtracepoint = "../libtracepoint/"
	ctest.Install(t, include, "tracepoint", libtracepoint+"tracepoint.h", libtracepoint+"tracepoint-names.h",
		libtracepoint+"tracepoint-state.h", libtracepoint+"bundled.h")
	ctest.Install(t, include, "eventheader", "eventheader.h", "eventheader-tracepoint.h", "eventheader-names.h")
	return include
}

// A C program that was compiled against the headers as installed, and linked with the bundled implementations under the
// public names. What needs a kernel is tested in package interfacetest.
func TestInterfaceFromC(t *testing.T) {
	program := filepath.Join(t.TempDir(), "interface")
	ctest.Run(t, ctest.CC(), "-std=gnu11", "-Wall", "-Wextra", "-Werror",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DCHECK_PRECONDITIONS", "-o", program,
		"-I", installBundled(t), "interfacetest/interface_linux.c", "eventheader_linux.c",
		"../libtracepoint/tracepoint_linux.c", "../libtracepoint/mountinfo_linux.c", "-pthread")
	ctest.Run(t, program, "closed")
}

func TestHeadersAreCPlusPlus(t *testing.T) {
	source := filepath.Join(t.TempDir(), "user.cpp")
	require.NoError(t, os.WriteFile(source, []byte(`
#include <eventheader/eventheader-tracepoint.h>
static tracepoint_provider_state provider_state = TRACEPOINT_PROVIDER_STATE_INIT;
static eventheader_provider provider = {&provider_state, "", "name"};
static tracepoint_state state = TRACEPOINT_STATE_INIT;
static eventheader_tracepoint event = {&state, 0, {eventheader_flag_default, 0, 0, 0, 0, 4}, 1};
int connect() {
    return eventheader_open_provider(&provider) + eventheader_connect(&event, &provider);
}
`), 0o644))
	ctest.Run(t, ctest.CXX(), "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
		"-I", installBundled(t), source)
}

// The names in the Go build carry the prefix, so that another implementation can be linked beside it.
func TestNamesInTheGoBuildCarryAPrefix(t *testing.T) {
	object := filepath.Join(t.TempDir(), "eventheader.o")
	ctest.Run(t, ctest.CC(), "-DUSEREVENTS_PREFIXED", "-c", "-o", object, "eventheader_linux.c")
	for symbol := range strings.FieldsSeq(ctest.Symbols(t, object)) {
		require.Regexp(t, "^userevents_", symbol)
	}
}
