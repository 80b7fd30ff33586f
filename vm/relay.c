/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of vm/run: starts QEMU with one end of a socket pair as its
 * descriptor 3, describes the command to init.c at the other end, and is then
 * that command to whoever called: its output, input, signals, exit status.
 *
 *   relay [--timeout SECONDS] [--boots N] [--console FILE] [--rw DIR]... [--stdin]
 *         [--tty] QEMU ARGS... -- COMMAND ARGS...
 *   relay --tsc-khz
 *
 * A boot that fails before the guest asks for the command is tried again, up to
 * N (3) boots in all. The second form prints how fast this machine's time stamp
 * counter is.
 *
 * Exit status: the command's; 128+n when it died of signal n; 124 past the time
 * limit; 125 when the machine failed, and then a line on stderr says how.
 */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_TIMEOUT = 124, STATUS_MACHINE = 125 };

/* How long a command may take to end after it was handed a signal. */
enum { GRACE_SECONDS = 3 };

/* How long a boot may take. It takes 2 s, and on a busy host ten times as long. */
enum { BOOT_SECONDS = 90 };

static pid_t qemu;
static int port;       /* to the guest */
static int signals;    /* a signalfd */
static int console;    /* what the guest's kernel prints */
static int qemu_output;
static bool pass_stdin, tty, raw;
static struct termios saved_terminal;
static double limit, deadline, boot_deadline;
static int boots = 3; /* that may still fail, and the one that runs */
static char **qemu_args;
static int fatal_signal; /* handed to the command; we die of it past the deadline */
static bool running;	 /* the command was described to the guest */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the end ---- */

static void end_qemu(void)
{
	if (qemu <= 0)
		return;
	kill(qemu, SIGKILL);
	while (waitpid(qemu, NULL, 0) < 0 && errno == EINTR)
		;
	qemu = 0;
}

static _Noreturn void finish(int status)
{
	end_qemu();
	if (raw)
		tcsetattr(0, TCSADRAIN, &saved_terminal);
	exit(status);
}

static void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("vm/run: ", stderr);
	vfprintf(stderr, format, args);
	fputs(raw ? "\r\n" : "\n", stderr);
	va_end(args);
}

static void show_tail(const char *what, int fd)
{
	char data[1600];
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return;
	off_t from = st.st_size > (off_t)sizeof data ? st.st_size - (off_t)sizeof data : 0;
	ssize_t n = pread(fd, data, sizeof data - 1, from);
	if (n <= 0)
		return;
	data[n] = 0;
	say("the last lines of %s:", what);
	char *save = NULL, *first = data;
	if (from > 0) /* that is the rest of a line */
		first += strcspn(data, "\n");
	for (char *line = strtok_r(first, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		fprintf(stderr, "  | %s%s", line, raw ? "\r\n" : "\n");
}

static void report(const char *why)
{
	end_qemu(); /* the console's file is complete only then */
	say("%s", why);
	show_tail("QEMU's messages", qemu_output);
	show_tail("the kernel's log", console);
}

static _Noreturn void machine_failed(const char *why)
{
	report(why);
	finish(STATUS_MACHINE);
}

static void check_deadline(void)
{
	if (now() < deadline)
		return;
	if (fatal_signal)
		finish(128 + fatal_signal);
	say("the time limit of %g s has passed: the machine was ended", limit);
	finish(STATUS_TIMEOUT);
}

static int milliseconds_left(void)
{
	double until = running || deadline < boot_deadline ? deadline : boot_deadline;
	double left = (until - now()) * 1000;
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left + 1;
}

/* ---- to the guest ---- */

/* Grows while the guest is slow; bounded by the command's size and STDIN_WINDOW. */
static char *queue;
static size_t queued, queue_size;

static void send_frame(enum frame_type type, const void *data, size_t length)
{
	struct frame_head head = {.type = type, .length = (uint32_t)length};
	size_t need = queued + sizeof head + length;
	if (need > queue_size) {
		queue_size = need * 2;
		queue = realloc(queue, queue_size);
		if (!queue)
			machine_failed("out of memory");
	}
	memcpy(queue + queued, &head, sizeof head);
	if (length)
		memcpy(queue + queued + sizeof head, data, length);
	queued = need;
}

static void flush_queue(void)
{
	ssize_t n = send(port, queue, queued, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		queued -= (size_t)n;
		memmove(queue, queue + n, queued);
	}
}

static void send_text(enum frame_type type, const char *text)
{
	if (strlen(text) > FRAME_MAX)
		machine_failed("an argument or variable is too long");
	send_frame(type, text, strlen(text));
}

static void send_size(void)
{
	struct winsize size;
	if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return;
	uint16_t v[2] = {size.ws_row, size.ws_col};
	send_frame(FRAME_SIZE, v, sizeof v);
}

/* ---- signals ---- */

static void take_signals(void)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof info) == sizeof info) {
		int number = (int)info.ssi_signo;
		if (number == SIGWINCH) {
			if (tty && running)
				send_size();
			continue;
		}
		if (number == SIGCHLD) /* the port's end of file follows */
			continue;
		if (!running || fatal_signal)
			finish(128 + number);
		/* As a command of ours would get it; it may clean up. */
		fatal_signal = number;
		deadline = now() + GRACE_SECONDS;
		uint32_t v = (uint32_t)number;
		send_frame(FRAME_SIGNAL, &v, sizeof v);
	}
}

/* Three times Ctrl-C within a second: the guest does not react to it. */
static void watch_for_interrupts(const char *data, size_t length)
{
	static double times[3];
	for (size_t i = 0; i < length; i++) {
		if (data[i] != 3)
			continue;
		times[0] = times[1];
		times[1] = times[2];
		times[2] = now();
		if (times[2] - times[0] < 1)
			finish(128 + SIGINT);
	}
}

/* ---- output ---- */

/* Writes all, and still handles signals and the time limit while the reader is slow. */
static void put(int fd, const char *data, size_t length)
{
	while (length > 0) {
		struct pollfd fds[] = {
			{.fd = fd, .events = POLLOUT},
			{.fd = signals, .events = POLLIN},
		};
		poll(fds, 2, milliseconds_left());
		check_deadline();
		if (fds[1].revents)
			take_signals();
		if (!fds[0].revents)
			continue;
		/* A pipe that polls as writable takes this much at once. */
		ssize_t n = write(fd, data, length < 4096 ? length : 4096);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0 && errno == EPIPE)
			finish(128 + SIGPIPE);
		if (n < 0) {
			say("writing output: %s", strerror(errno));
			finish(STATUS_MACHINE);
		}
		data += n;
		length -= (size_t)n;
	}
}

/* ---- the command's description ---- */

static char **command, **shares;
static int nshares;
extern char **environ;

static void describe_command(void)
{
	char *dir = get_current_dir_name();
	if (!dir)
		machine_failed("the current directory has no name any more");
	for (int i = 0; i < nshares; i++)
		send_text(FRAME_RW, shares[i]);
	send_text(FRAME_DIR, dir);
	for (char **p = environ; *p; p++)
		send_text(FRAME_ENV, *p);
	for (char **p = command; *p; p++)
		send_text(FRAME_ARG, *p);
	if (pass_stdin)
		send_frame(FRAME_STDIN, NULL, 0);
	if (tty) {
		send_size();
		send_frame(FRAME_TTY, NULL, 0);
	}
	send_frame(FRAME_START, NULL, 0);
	free(dir);
	running = true;
}

/* ---- from the guest ---- */

static size_t credit; /* bytes of standard input that the guest has room for */

static void handle_frame(enum frame_type type, const char *data, size_t length)
{
	uint32_t value = 0;
	if (length == sizeof value)
		memcpy(&value, data, sizeof value);
	switch (type) {
	case FRAME_HELLO: describe_command(); break;
	case FRAME_OUT: put(1, data, length); break;
	case FRAME_ERR: put(2, data, length); break;
	case FRAME_CREDIT: credit += value; break;
	case FRAME_EXIT: finish((int)value);
	case FRAME_FAIL: {
		char text[600];
		snprintf(text, sizeof text, "the guest failed: %.*s", (int)length, data);
		machine_failed(text);
	}
	default: machine_failed("an unknown frame from the guest");
	}
}

static size_t received; /* bytes of an incomplete frame */

/* Returns false at the end of file. */
static bool read_port(void)
{
	static char data[sizeof(struct frame_head) + FRAME_MAX];
	size_t length = received;
	ssize_t n = read(port, data + length, sizeof data - length);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	length += (size_t)n;
	size_t at = 0;
	struct frame_head head;
	while (length - at >= sizeof head) {
		memcpy(&head, data + at, sizeof head);
		if (head.length > FRAME_MAX)
			machine_failed("the guest wrote something else into the port");
		if (length - at - sizeof head < head.length)
			break;
		handle_frame(head.type, data + at + sizeof head, head.length);
		at += sizeof head + head.length;
	}
	received = length - at;
	memmove(data, data + at, received);
	return true;
}

/* Returns false at the end of file. */
static bool read_stdin(void)
{
	char data[4096];
	ssize_t n = read(0, data, credit < sizeof data ? credit : sizeof data);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0)
		n = 0;
	if (n > 0 && raw)
		watch_for_interrupts(data, (size_t)n);
	send_frame(FRAME_IN, data, (size_t)n);
	credit -= (size_t)n;
	return n > 0;
}

/* ---- the start ---- */

static void start_qemu(void)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		machine_failed("socketpair failed");
	pid_t parent = getpid();
	qemu = fork();
	if (qemu < 0)
		machine_failed("fork failed");
	if (qemu == 0) {
		/* However we end, QEMU does not outlive us. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		setpgid(0, 0); /* Ctrl-C is for us to handle */
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		int null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
		dup2(qemu_output, 1);
		dup2(qemu_output, 2);
		/* 3 and 4 may be any of ours by now: move out of the way first. */
		int p = fcntl(pair[1], F_DUPFD, 10), c = fcntl(console, F_DUPFD, 10);
		dup2(p, 3);
		dup2(c, 4);
		close(p);
		close(c);
		execvp(qemu_args[0], qemu_args);
		dprintf(2, "%s: %s\n", qemu_args[0], strerror(errno));
		_exit(127);
	}
	close(pair[1]);
	port = pair[0];
	boot_deadline = now() + BOOT_SECONDS;
}

/* Nothing of the command has happened yet, so the machine may start again. */
static void boot_failed(const char *why)
{
	if (--boots <= 0)
		machine_failed(why);
	report(why);
	say("starting the machine again");
	close(port);
	received = 0;
	if (ftruncate(qemu_output, 0) < 0 || ftruncate(console, 0) < 0)
		machine_failed("ftruncate failed");
	start_qemu();
}

static int scratch_file(void)
{
	char name[] = "/tmp/usereventsmetric-vm-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC | O_APPEND);
	if (fd < 0) {
		say("making a file in /tmp: %s", strerror(errno));
		exit(STATUS_MACHINE);
	}
	unlink(name);
	return fd;
}

static void raw_terminal(void)
{
	if (tcgetattr(0, &saved_terminal) < 0)
		return;
	struct termios t = saved_terminal;
	cfmakeraw(&t);
	if (tcsetattr(0, TCSADRAIN, &t) == 0)
		raw = true;
}

/*
 * An emulated guest reads the host's time stamp counter. It finds the counter's
 * speed with an emulated timer, and on a busy host it finds it wrong, or gives up
 * and falls back to a clock of 4 ms. So we measure it for the guest.
 */
#ifdef __x86_64__
#include <x86intrin.h>

struct tick {
	double seconds;
	unsigned long long tsc;
};

static struct tick read_tick(void)
{
	struct tick best = {0};
	double gap = 1;
	for (int i = 0; i < 20; i++) { /* the try that was interrupted least */
		double before = now();
		unsigned long long tsc = __rdtsc();
		double after = now();
		if (after - before < gap) {
			gap = after - before;
			best = (struct tick){(before + after) / 2, tsc};
		}
	}
	return best;
}

static void print_tsc_khz(void)
{
	struct tick a = read_tick();
	usleep(50 * 1000);
	struct tick b = read_tick();
	printf("%.0f\n", (double)(b.tsc - a.tsc) / (b.seconds - a.seconds) / 1000);
}
#else
static void print_tsc_khz(void)
{
	say("no time stamp counter here");
	exit(STATUS_MACHINE);
}
#endif

static _Noreturn void usage(void)
{
	fputs("usage: relay [--timeout SECONDS] [--boots N] [--console FILE] [--rw DIR]... [--stdin] [--tty] "
	      "QEMU ARGS... -- COMMAND ARGS...\n", stderr);
	exit(STATUS_MACHINE);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'}, {"console", required_argument, NULL, 'c'},
		{"rw", required_argument, NULL, 'w'},	   {"stdin", no_argument, NULL, 'i'},
		{"tty", no_argument, NULL, 'y'},	   {"tsc-khz", no_argument, NULL, 'k'},
		{"boots", required_argument, NULL, 'b'},   {0},
	};
	const char *console_name = NULL;
	limit = 300;
	shares = calloc((size_t)argc, sizeof *shares);
	for (int o; (o = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
		switch (o) {
		case 't': limit = strtod(optarg, NULL); break;
		case 'b': boots = atoi(optarg); break;
		case 'c': console_name = optarg; break;
		case 'w': shares[nshares++] = optarg; break;
		case 'i': pass_stdin = true; break;
		case 'y': tty = pass_stdin = true; break;
		case 'k': print_tsc_khz(); return 0;
		default: usage();
		}
	}
	qemu_args = argv + optind;
	for (command = qemu_args; *command && strcmp(*command, "--"); command++)
		;
	if (command == qemu_args || !*command || !command[1])
		usage();
	*command++ = NULL;

	qemu_output = scratch_file();
	if (console_name) {
		console = open(console_name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
		if (console < 0) {
			say("%s: %s", console_name, strerror(errno));
			exit(STATUS_MACHINE);
		}
	} else {
		console = scratch_file();
	}

	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN); /* put() ends QEMU first */

	deadline = now() + limit;
	start_qemu();
	if (tty)
		raw_terminal();

	bool stdin_open = pass_stdin;
	for (;;) {
		if (queued)
			flush_queue();
		struct pollfd fds[] = {
			{.fd = port, .events = (short)(POLLIN | (queued ? POLLOUT : 0))},
			{.fd = signals, .events = POLLIN},
			{.fd = stdin_open && credit ? 0 : -1, .events = POLLIN},
		};
		poll(fds, 3, milliseconds_left());
		check_deadline();
		if (fds[1].revents)
			take_signals();
		if (fds[2].revents)
			stdin_open = read_stdin();
		bool stopped = (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) && !read_port();
		if (stopped && running)
			machine_failed("the machine stopped before the command had ended");
		if (stopped)
			boot_failed("the machine stopped before it could start the command");
		else if (!running && now() > boot_deadline)
			boot_failed("the machine did not boot in time");
	}
}
