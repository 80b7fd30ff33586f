// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"syscall"
)

type failure struct {
	op    string
	errno syscall.Errno
}

// hints is written for people who run services, not for those who write them:
// which file, which permission, which capability or sysctl, which kernel.
//
// What each errno means was read in kernel/trace/trace_events_user.c and
// kernel/events/core.c.
var hints = map[failure]string{
	{OpOpen, syscall.ENOENT}: "no tracefs is mounted there (mount -t tracefs nodev /sys/kernel/tracing), or " +
		"the kernel is older than 6.4 or built without CONFIG_USER_EVENTS=y",
	{OpOpen, syscall.EACCES}: "the user needs x on the tracing directory (0700 for root by default) and w " +
		"on user_events_data (0640 root): chmod 711 the directory, chgrp and chmod 620 the file, or run as root; " +
		"AppArmor or SELinux may deny it as well (Docker's default profile denies writes below /sys)",
	{OpOpen, syscall.EROFS}: "tracefs is mounted read-only here (a container, or ProtectKernelTunables= in " +
		"the systemd unit): mount user_events_data itself writable into the service, or pass an open descriptor",
	{OpOpen, syscall.ENOTSUP}: "no tracefs is mounted (mount -t tracefs nodev /sys/kernel/tracing)",
	{OpOpen, syscall.ENOTDIR}: "part of the path is a file: where user_events_data itself is mounted, name " +
		"the mount point and nothing below it",
	{OpOpen, syscall.EISDIR}: "this is a directory: name the file user_events_data in it",
	{OpOpen, syscall.EPERM}: "a security policy forbids it (kernel lockdown, seccomp or an LSM, not the " +
		"file's mode): see the kernel's log for who denied it",
	{OpOpen, syscall.EMFILE}: "the process has no file descriptor left: raise its limit (ulimit -n, " +
		"LimitNOFILE= in the systemd unit)",
	{OpOpen, syscall.ENFILE}: "the machine has no file descriptor left: raise the sysctl fs.file-max",
	{OpOpen, syscall.ENODEV}: "the file is there but the kernel has no driver for it: the kernel must be " +
		"6.4 or newer with CONFIG_USER_EVENTS=y",

	{OpRegister, syscall.EADDRINUSE}: "an event of this name exists already with other fields, and the " +
		"first to register decides (the C++ exporter registers otlp_metrics without fields): stop its producers " +
		"and listeners, or use another tracepoint name; the same errno means that this enable word and bit are " +
		"registered already",
	{OpRegister, syscall.EPERM}: "an event that outlives its users (PERSIST) needs CAP_PERFMON: grant it, " +
		"or register without PERSIST",
	{OpRegister, syscall.EACCES}: "the descriptor was opened without write permission: open " +
		"user_events_data for writing",
	{OpRegister, syscall.EINVAL}: "the kernel does not accept the declaration: a flag that is newer than " +
		"this kernel (PERSIST is from 6.7, MULTI_FORMAT from 6.9), a name and fields of 512 bytes or more, or an " +
		"unknown field type",
	{OpRegister, syscall.ENOMEM}: "the kernel is out of memory, or the enable word is not in mapped, writable memory",
	{OpRegister, syscall.EMFILE}: "the machine has as many user events as it may: raise the sysctl " +
		"kernel.user_events_max (32768 by default)",
	{OpRegister, syscall.EFAULT}: "the kernel could not read the declaration or the enable word: this is a " +
		"defect of the caller, please report it",
	{OpRegister, syscall.ENOTTY}: "the descriptor is not one of user_events_data: check the path or the " +
		"descriptor that was given",
	{OpRegister, syscall.EBADF}: "the descriptor is closed, or not open for reading and writing",
	{OpRegister, syscall.EBUSY}: "an event of this name is just being removed: try again",

	{OpUnregister, syscall.ENOENT}: "this enable word and bit are not registered",
	{OpUnregister, syscall.EFAULT}: "the enable word is no longer mapped: it must stay mapped until it is " +
		"unregistered",
	{OpUnregister, syscall.ENOTTY}: "the descriptor is not one of user_events_data: check the path or the " +
		"descriptor that was given",

	{OpRead, syscall.ENOENT}: "no such event is registered right now, or the kernel has no user events (6.4 " +
		"or newer, CONFIG_USER_EVENTS=y)",
	{OpRead, syscall.EACCES}: "the user needs x on the tracing directory and r on the events in it: run as " +
		"root, or chgrp and chmod the tracing directory",

	{OpPerfOpen, syscall.EACCES}: "listening to tracepoints of all processes needs CAP_PERFMON " +
		"(CAP_SYS_ADMIN before 5.8), or the sysctl kernel.perf_event_paranoid at -1",
	{OpPerfOpen, syscall.EPERM}: "listening to tracepoints of all processes needs CAP_PERFMON " +
		"(CAP_SYS_ADMIN before 5.8), or the sysctl kernel.perf_event_paranoid at -1; in a container, seccomp " +
		"must allow perf_event_open as well (Docker's default profile does so only with CAP_PERFMON or " +
		"CAP_SYS_ADMIN)",
	{OpPerfOpen, syscall.ENODEV}: "the CPU is offline",
	{OpPerfOpen, syscall.EINVAL}: "the event's id is gone, or the kernel is too old for an attribute: read " +
		"the event's id file again",
	{OpPerfOpen, syscall.ENOENT}: "the event is gone, or the kernel is built without CONFIG_EVENT_TRACING: " +
		"read the event's id file again",
	{OpPerfOpen, syscall.EMFILE}: "the process has no file descriptor left, and listening takes one per " +
		"CPU: raise its limit (ulimit -n, LimitNOFILE= in the systemd unit)",
	{OpPerfOpen, syscall.ENFILE}: "the machine has no file descriptor left: raise the sysctl fs.file-max",
	{OpPerfOpen, syscall.ENOMEM}: "the kernel is out of memory",
	{OpPerfOpen, syscall.ENOSYS}: "the kernel is built without CONFIG_PERF_EVENTS, or a seccomp filter " +
		"hides perf_event_open",

	{OpMmap, syscall.EPERM}: "the rings would lock more memory than is allowed: use smaller rings, raise " +
		"the sysctl kernel.perf_event_mlock_kb or the service's memlock limit (ulimit -l, LimitMEMLOCK=), or " +
		"grant CAP_IPC_LOCK",
	{OpMmap, syscall.ENOMEM}: "no memory for a ring of this size: use smaller rings",
	{OpMmap, syscall.EAGAIN}: "too much memory is locked already: use smaller rings or raise the service's " +
		"memlock limit (ulimit -l, LimitMEMLOCK=)",
}

func hint(op string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	return hints[failure{op, errno}]
}
