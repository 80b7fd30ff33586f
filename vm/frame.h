/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What relay.c on the host and init.c in the guest say to each other over one
 * virtio port: frames of a type, a length and that many bytes. One port for
 * everything keeps the order: whoever has read FRAME_EXIT has read all output
 * before it.
 */
#ifndef VM_FRAME_H
#define VM_FRAME_H

#include <stdint.h>

struct frame_head {
	uint32_t type;
	uint32_t length; /* of what follows, at most FRAME_MAX */
};

/* A single argument or variable of exec is at most 128 KiB long. */
enum { FRAME_MAX = 256 * 1024 };

/* Standard input that the guest has not passed on yet is bounded by this. */
enum { STDIN_WINDOW = 64 * 1024 };

enum frame_type {
	/* guest to host */
	FRAME_HELLO = 1, /* ready for the description of the command */
	FRAME_OUT,	 /* bytes of its standard output, or of its terminal */
	FRAME_ERR,	 /* bytes of its standard error */
	FRAME_CREDIT,	 /* uint32: so many more bytes of FRAME_IN may follow */
	FRAME_EXIT,	 /* uint32: exit status, 128+n after signal n; the end */
	FRAME_FAIL,	 /* text: init could not do its part; the end */

	/* host to guest: the command, one string a frame, no NUL at its end */
	FRAME_ARG,
	FRAME_ENV,
	FRAME_DIR,    /* its working directory */
	FRAME_RW,     /* path of a writable share; the n-th has mount tag rw<n> */
	FRAME_TTY,    /* no bytes: give it a terminal; size by FRAME_SIZE */
	FRAME_STDIN,  /* no bytes: FRAME_IN will follow; else it gets /dev/null */
	FRAME_START,  /* no bytes: the description is complete */

	/* host to guest, while it runs */
	FRAME_SIZE,   /* two uint16: rows, columns */
	FRAME_IN,     /* bytes of standard input; none means end of file */
	FRAME_SIGNAL, /* uint32: for the command's process group */
};

#endif
