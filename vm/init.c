/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of the guest. The kernel starts it from the host's own files,
 * mounted read-only over 9p. It lays a writable layer over them, mounts what a
 * Linux system has mounted, runs the one command that the host describes, and
 * carries its output, input and exit status over the port (see frame.h).
 *
 * It never powers the machine off: the host ends QEMU when it has read
 * FRAME_EXIT, so that no byte of output is lost in a queue.
 */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int port = -1;

/* ---- the port ---- */

static void write_all(int fd, const void *data, size_t length)
{
	const char *p = data;
	while (length > 0) {
		ssize_t n = write(fd, p, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* the host is gone, and we with it */
		p += n;
		length -= (size_t)n;
	}
}

static void send_frame(enum frame_type type, const void *data, size_t length)
{
	struct frame_head head = {.type = type, .length = (uint32_t)length};
	write_all(port, &head, sizeof head);
	write_all(port, data, length);
}

static void send_u32(enum frame_type type, uint32_t value)
{
	send_frame(type, &value, sizeof value);
}

static _Noreturn void wait_for_the_end(void)
{
	for (;;)
		pause();
}

static _Noreturn void fail(const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n >= (int)sizeof text)
		n = sizeof text - 1;
	/* One write is one message there; dprintf would seek first, and fail. */
	char line[sizeof text + 8];
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (log >= 0)
		write_all(log, line, (size_t)snprintf(line, sizeof line, "init: %s\n", text));
	if (port >= 0)
		send_frame(FRAME_FAIL, text, (size_t)n);
	else
		exit(1); /* the kernel panics, and its console shows it */
	wait_for_the_end();
}

static void read_all(void *data, size_t length)
{
	char *p = data;
	while (length > 0) {
		ssize_t n = read(port, p, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail("reading from the host: %s", n ? strerror(errno) : "end of file");
		p += n;
		length -= (size_t)n;
	}
}

/* Returns the frame's bytes with a NUL behind them, for the caller to free. */
static char *read_frame(struct frame_head *head)
{
	read_all(head, sizeof *head);
	if (head->length > FRAME_MAX)
		fail("a frame of %u bytes from the host", head->length);
	char *data = malloc(head->length + 1);
	if (!data)
		fail("out of memory");
	read_all(data, head->length);
	data[head->length] = 0;
	return data;
}

/* ---- the system ---- */

static void must_mount(const char *source, const char *target, const char *type,
		       unsigned long flags, const char *options)
{
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		fail("making %s: %s", target, strerror(errno));
	if (mount(source, target, type, flags, options) < 0)
		fail("mounting %s on %s: %s", type, target, strerror(errno));
}

/* Must run before anything else: until then, all paths are the host's. */
static void make_root_writable(void)
{
	/* /proc is the one empty directory that every system has. */
	if (mount("tmpfs", "/proc", "tmpfs", 0, "mode=0755") < 0)
		fail("mounting tmpfs on /proc: %s", strerror(errno));
	mkdir("/proc/upper", 0755);
	mkdir("/proc/work", 0755);
	mkdir("/proc/root", 0755);
	if (mount("overlay", "/proc/root", "overlay", 0,
		  "lowerdir=/,upperdir=/proc/upper,workdir=/proc/work,xino=off") < 0)
		fail("mounting the writable layer: %s", strerror(errno));
	if (chdir("/proc/root") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail("changing to the writable layer: %s", strerror(errno));
}

static void mount_system(void)
{
	must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("debugfs", "/sys/kernel/debug", "debugfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
	must_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
	must_mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	must_mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	mkdir("/run/lock", 01777);
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			fail("linking %s: %s", links[i][1], strerror(errno));
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		fail("bringing up the loopback interface: %s", strerror(errno));
	close(fd);
}

static void open_port(void)
{
	/* The device appears while we start, as its driver asks the host first;
	 * its first number is its index among the virtio devices. */
	for (int tries = 0; tries < 1000; tries++) {
		for (int index = 0; index < 16; index++) {
			char name[32];
			snprintf(name, sizeof name, "/dev/vport%dp1", index);
			port = open(name, O_RDWR | O_CLOEXEC);
			if (port >= 0)
				return;
		}
		usleep(10 * 1000);
	}
	fail("found no port to the host");
}

static void mount_share(int number, const char *path)
{
	char tag[16];
	snprintf(tag, sizeof tag, "rw%d", number);
	/* cache=mmap: as little cached as a shared mapping allows, since the
	 * host may read the files, or change them, while we run. */
	if (mount(tag, path, "9p", 0, "trans=virtio,version=9p2000.L,msize=512000,cache=mmap") < 0)
		fail("mounting the writable share %s: %s", path, strerror(errno));
}

/* ---- the command ---- */

struct command {
	char **args, **env;
	size_t nargs, nenv;
	char *dir;
	bool tty, input;
	struct winsize size;

	pid_t pid;
	int in, out, err; /* our ends; one descriptor for all three with a tty */
};

static void append(char ***list, size_t *count, char *item)
{
	*list = realloc(*list, (*count + 2) * sizeof **list);
	if (!*list)
		fail("out of memory");
	(*list)[(*count)++] = item;
	(*list)[*count] = NULL;
}

static struct winsize winsize_of(const char *data)
{
	uint16_t v[2];
	memcpy(v, data, sizeof v);
	return (struct winsize){.ws_row = v[0], .ws_col = v[1]};
}

static struct command read_command(void)
{
	struct command c = {.size = {.ws_row = 24, .ws_col = 80}};
	int shares = 0;
	for (;;) {
		struct frame_head head;
		char *data = read_frame(&head);
		switch (head.type) {
		case FRAME_ARG: append(&c.args, &c.nargs, data); break;
		case FRAME_ENV: append(&c.env, &c.nenv, data); break;
		case FRAME_DIR: c.dir = data; break;
		case FRAME_RW: mount_share(shares++, data); break;
		case FRAME_SIZE: c.size = winsize_of(data); break;
		case FRAME_TTY: c.tty = true; break;
		case FRAME_STDIN: c.input = true; break;
		case FRAME_START:
			if (!c.nargs || !c.dir)
				fail("the host described no command");
			return c;
		default: fail("unknown frame %u from the host", head.type);
		}
	}
}

static _Noreturn void exec_command(const struct command *c)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* what is ignored stays so across exec */
	/* The kernel's hard limit is 4096; a login on a distribution has this. */
	struct rlimit files = {.rlim_cur = 1024, .rlim_max = 1024 * 1024};
	setrlimit(RLIMIT_NOFILE, &files);
	if (chdir(c->dir) < 0) {
		dprintf(2, "vm/run: %s: %s\n", c->dir, strerror(errno));
		_exit(126);
	}
	if (c->env)
		environ = c->env; /* execvp reads PATH here */
	else
		clearenv();
	execvp(c->args[0], c->args);
	int status = errno == ENOENT ? 127 : 126;
	dprintf(2, "vm/run: %s: %s\n", c->args[0], strerror(errno));
	_exit(status);
}

static void start_with_tty(struct command *c)
{
	c->pid = forkpty(&c->out, NULL, NULL, &c->size);
	if (c->pid < 0)
		fail("starting a terminal: %s", strerror(errno));
	if (c->pid == 0)
		exec_command(c);
	fcntl(c->out, F_SETFD, FD_CLOEXEC);
	c->in = c->out;
	c->err = -1;
}

static void start_with_pipes(struct command *c)
{
	int in[2], out[2], err[2];
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		fail("making pipes: %s", strerror(errno));
	c->pid = fork();
	if (c->pid < 0)
		fail("fork: %s", strerror(errno));
	if (c->pid == 0) {
		setsid(); /* its own process group, and no terminal of ours */
		dup2(c->input ? in[0] : open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		exec_command(c);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
}

/* Bytes of standard input that wait until the command reads them. */
struct input {
	char data[STDIN_WINDOW];
	size_t length;
	bool ended;
};

static void pass_input(struct command *c, struct input *in)
{
	if (c->in < 0)
		return;
	if (in->length > 0) {
		ssize_t n = write(c->in, in->data, in->length);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* the command closed its end */
			in->length = 0;
			in->ended = true;
		} else {
			in->length -= (size_t)n;
			memmove(in->data, in->data + n, in->length);
			send_u32(FRAME_CREDIT, (uint32_t)n);
		}
	}
	if (in->ended && in->length == 0) {
		if (!c->tty)
			close(c->in);
		c->in = -1;
	}
}

static void handle_frame(struct command *c, struct input *in)
{
	struct frame_head head;
	char *data = read_frame(&head);
	switch (head.type) {
	case FRAME_IN:
		if (head.length == 0)
			in->ended = true;
		else if (!in->ended && head.length <= sizeof in->data - in->length) {
			memcpy(in->data + in->length, data, head.length);
			in->length += head.length;
		}
		pass_input(c, in);
		break;
	case FRAME_SIGNAL: {
		uint32_t number;
		memcpy(&number, data, sizeof number);
		kill(-c->pid, (int)number);
		break;
	}
	case FRAME_SIZE: {
		struct winsize size = winsize_of(data);
		if (c->tty)
			ioctl(c->out, TIOCSWINSZ, &size);
		break;
	}
	}
	free(data);
}

/* Passes on what is there, some of it; returns false at the end of the stream. */
static bool pass_output(int fd, enum frame_type type, size_t *passed)
{
	static char data[16 * 1024];
	ssize_t n = read(fd, data, sizeof data);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) /* EIO: the last process on the terminal is gone */
		return false;
	send_frame(type, data, (size_t)n);
	if (passed)
		*passed = (size_t)n;
	return true;
}

/*
 * Passes on what the command wrote before it ended, and not what its orphans,
 * which may never stop, write from now on.
 */
static void pass_rest(int fd, enum frame_type type)
{
	int rest = 0;
	if (fd < 0 || ioctl(fd, FIONREAD, &rest) < 0)
		return;
	while (rest > 0) {
		size_t n = 0;
		if (!pass_output(fd, type, &n) || n == 0)
			return;
		rest -= (int)n;
	}
}

/* As process 1 we get everybody's orphans. Returns whether c has ended. */
static bool reap(const struct command *c, uint32_t *status)
{
	bool ended = false;
	for (;;) {
		int s;
		pid_t pid = waitpid(-1, &s, WNOHANG);
		if (pid <= 0)
			return ended;
		if (pid == c->pid) {
			*status = WIFSIGNALED(s) ? 128u + (unsigned)WTERMSIG(s) : (unsigned)WEXITSTATUS(s);
			ended = true;
		}
	}
}

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static uint32_t run(struct command *c)
{
	static struct input in;
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

	if (c->tty)
		start_with_tty(c);
	else
		start_with_pipes(c);
	set_nonblocking(c->in);
	set_nonblocking(c->out);
	set_nonblocking(c->err);
	send_u32(FRAME_CREDIT, STDIN_WINDOW);

	uint32_t status = 0;
	bool ended = false;
	while (!ended) {
		struct pollfd fds[] = {
			{.fd = port, .events = POLLIN},
			{.fd = signals, .events = POLLIN},
			{.fd = c->out, .events = POLLIN},
			{.fd = c->err, .events = POLLIN},
			{.fd = in.length ? c->in : -1, .events = POLLOUT},
		};
		if (poll(fds, sizeof fds / sizeof *fds, -1) < 0 && errno != EINTR)
			fail("poll: %s", strerror(errno));
		if (fds[2].revents && !pass_output(c->out, FRAME_OUT, NULL))
			c->out = -1;
		if (fds[3].revents && !pass_output(c->err, FRAME_ERR, NULL))
			c->err = -1;
		if (fds[4].revents)
			pass_input(c, &in);
		if (fds[0].revents & POLLIN)
			handle_frame(c, &in);
		if (fds[1].revents) {
			struct signalfd_siginfo info;
			while (read(signals, &info, sizeof info) > 0)
				;
			ended = reap(c, &status);
		}
	}
	pass_rest(c->out, FRAME_OUT);
	pass_rest(c->err, FRAME_ERR);
	return status;
}

int main(void)
{
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	make_root_writable();
	mount_system();
	open_port();
	umask(022);
	loopback_up();
	if (sethostname("userevents-vm", strlen("userevents-vm")) < 0)
		fail("setting the host name: %s", strerror(errno));

	send_frame(FRAME_HELLO, NULL, 0);
	struct command c = read_command();
	uint32_t status = run(&c);
	sync(); /* files on the writable shares */
	send_u32(FRAME_EXIT, status);
	wait_for_the_end();
}
