// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// header returns the kernel's header, which Linux's exported headers have
// since 6.4, or "".
func header() string {
	if p := os.Getenv("USEREVENTS_TEST_HEADER"); p != "" {
		return p
	}
	for _, pattern := range []string{
		"/usr/include/linux/user_events.h",
		"/usr/src/linux-*/include/uapi/linux/user_events.h",
		"/lib/modules/*/build/include/uapi/linux/user_events.h",
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// The numbers of the ABI are those of the C header.
func TestNumbersAgainstTheHeader(t *testing.T) {
	h := header()
	if h == "" {
		t.Skip(
			"no linux/user_events.h on this machine: " +
				"install linux-libc-dev 6.4 or newer, or name one in USEREVENTS_TEST_HEADER",
		)
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler on this machine: " + err.Error())
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "numbers.c"), filepath.Join(dir, "numbers")
	require.NoError(t, os.WriteFile(source, []byte(`
#include <stddef.h>
#include <stdio.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include "`+h+`"
int main(void) {
	printf("%lx %lx\n", (unsigned long)DIAG_IOCSREG, (unsigned long)DIAG_IOCSUNREG);
	printf("%zu %zu %zu %zu %zu %zu %zu %zu\n", sizeof(struct user_reg),
		offsetof(struct user_reg, size), offsetof(struct user_reg, enable_bit), offsetof(struct user_reg, enable_size),
		offsetof(struct user_reg, flags), offsetof(struct user_reg, enable_addr), offsetof(struct user_reg, name_args),
		offsetof(struct user_reg, write_index));
	printf("%zu %zu %zu %zu\n", sizeof(struct user_unreg),
		offsetof(struct user_unreg, size), offsetof(struct user_unreg, disable_bit),
		offsetof(struct user_unreg, disable_addr));
	return 0;
}
`), 0o600))
	out, err := exec.Command(cc, "-o", binary, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(binary).CombinedOutput()
	require.NoError(t, err, "%s", out)

	var r userReg
	var u userUnreg
	want := fmt.Sprintf("%x %x\n", thisArch.reg, thisArch.unreg) +
		fmt.Sprintln(
			userRegSize,
			unsafe.Offsetof(r.size),
			unsafe.Offsetof(r.enableBit),
			unsafe.Offsetof(r.enableSize),
			unsafe.Offsetof(
				r.flags,
			),
			unsafe.Offsetof(r.enableAddr),
			unsafe.Offsetof(r.nameArgs),
			unsafe.Offsetof(r.writeIndex),
		) +
		fmt.Sprintln(
			userUnregSize,
			unsafe.Offsetof(u.size),
			unsafe.Offsetof(u.disableBit),
			unsafe.Offsetof(u.disableAddr),
		)
	assert.Equal(t, want, string(out), "%s", h)
}

// Each architecture's numbers are what its _IOC macro makes of the header.
func TestRequests(t *testing.T) {
	generic := func(dir uintptr) uintptr { return map[uintptr]uintptr{1: 1, 3: 3}[dir] << 30 }
	powerpc := func(dir uintptr) uintptr { return map[uintptr]uintptr{1: 4, 3: 6}[dir] << 29 }
	for goarch, dirBits := range map[string]func(uintptr) uintptr{
		"amd64": generic, "arm64": generic, "riscv64": generic, "s390x": generic, "loong64": generic,
		"ppc64": powerpc, "ppc64le": powerpc, "mips64": powerpc, "mips64le": powerpc,
	} {
		ioc := func(dir, nr uintptr) uintptr { return dirBits(dir) | 8<<16 | '*'<<8 | nr }
		got, ok := requestsOf(goarch)
		require.True(t, ok, goarch)
		// _IOC_WRITE is 1 and _IOC_READ|_IOC_WRITE is 3, but on the second group.
		assert.Equal(t, requests{reg: ioc(3, 0), unreg: ioc(1, 2)}, got, goarch)
	}
	_, ok := requestsOf("386")
	assert.False(t, ok)
	_, ok = requestsOf(runtime.GOARCH)
	assert.True(t, ok, "tests need an architecture whose numbers are known")
}
