// SPDX-License-Identifier: GPL-2.0-or-later
// Unpacks a compressed image from a stream, in a process that can do nothing else.
#ifndef LAUNCHER_IMAGE_UNPACK_H
#define LAUNCHER_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/**
 * struct unpack - a running unpacker.
 * @pid: process id, 0 if there is none.
 * @input: pipe for the compressed bytes, -1 if it is closed.
 * @answer: pipe from which the unpacker's errno value, an int, is read at its end.
 */
struct unpack {
	pid_t pid;
	int input;
	int answer;
};

#define UNPACK_NONE                                 \
	{                                           \
		.pid = 0, .input = -1, .answer = -1 \
	}

/**
 * unpack_start() - start an unpacker.
 * @output: an empty file, which gets the unpacked bytes; its zeros become holes. Of a tar archive
 *          it gets the only file whose name ends in .raw, .img or .qcow2.
 *
 * Threat: the bytes are not verified yet. So a separate process unpacks them, which has only the
 * descriptors that it needs and only the system calls to read, write and allocate.
 *
 * Return: 0 or a negative errno.
 */
int unpack_start(struct unpack *unpack, int output, struct error *err);

/* unpack_write() - pass the next compressed bytes; unpack_end() returns errors. */
void unpack_write(struct unpack *unpack, const void *bytes, size_t size);

/**
 * unpack_end() - end the input and wait for the unpacker.
 *
 * Return: 0, or a negative errno.
 */
int unpack_end(struct unpack *unpack, struct error *err);

/* unpack_blames_image() - true if an errno value of unpack_end() is for the bytes themselves. */
bool unpack_blames_image(int code);

/* unpack_fail() - fill the error for an errno value of unpack_end(). Return: -code. */
int unpack_fail(int code, struct error *err);

/* unpack_stop() - kill the unpacker; does nothing if there is none. */
void unpack_stop(struct unpack *unpack);

#endif
