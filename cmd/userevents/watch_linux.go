// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// watchEvery is how often, in milliseconds, it is polled whether the context is
// done. The end of the reader is noticed at once.
const watchEvery = 250

// watchReader calls gone when file is a pipe or socket whose reader has left: a
// command that has nothing to write would never learn. It returns then, or when
// the context is done.
func watchReader(ctx context.Context, file *os.File, gone func()) {
	info, err := file.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	fds := []unix.PollFd{{Fd: int32(file.Fd())}} // no events asked for: POLLERR and POLLHUP come always
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, watchEvery)
		if n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			gone()
			return
		}
		if err != nil && err != unix.EINTR {
			return
		}
	}
}
