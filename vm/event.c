/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers one user_event and writes it some fifty times a second while somebody
 * listens, or once if an argument is the number of bytes to add to it. For selftest:
 * it uses nothing else of this repository, so that a failure is the machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct user_reg {
	uint32_t size;
	uint8_t enable_bit, enable_size;
	uint16_t flags;
	uint64_t enable_addr, name_args;
	uint32_t write_index;
} __attribute__((packed));

#define DIAG_IOCSREG _IOWR('*', 0, struct user_reg *)

int main(int argc, char **argv)
{
	static volatile uint32_t enabled;
	static char zeros[65536];
	size_t added = argc > 1 ? (size_t)atoi(argv[1]) : 0;
	if (added > sizeof zeros)
		return 2;
	struct user_reg reg = {
		.size = sizeof reg,
		.enable_size = sizeof enabled,
		.enable_addr = (uintptr_t)&enabled,
		.name_args = (uintptr_t) "vm_selftest u32 number",
	};
	int fd = open("/sys/kernel/tracing/user_events_data", O_WRONLY);
	if (fd < 0 || ioctl(fd, DIAG_IOCSREG, &reg) < 0) {
		perror("registering vm_selftest");
		return 1;
	}
	for (uint32_t number = 1;; number += enabled) {
		struct iovec parts[] = {{&reg.write_index, 4}, {&number, 4}, {zeros, added}};
		if (enabled && writev(fd, parts, 3) < 0 && errno != EBADF) {
			perror("writing vm_selftest");
			return 1;
		}
		if (enabled && argc > 1)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
	}
}
