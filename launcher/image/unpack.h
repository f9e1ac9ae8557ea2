// SPDX-License-Identifier: GPL-2.0-or-later
// Unpacks a compressed image while it streams by, in a process that can do nothing else.
#ifndef LAUNCHER_IMAGE_UNPACK_H
#define LAUNCHER_IMAGE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/* Enough bytes for unpack_known(). */
#define UNPACK_MAGIC_SIZE 6

/**
 * struct unpack - a running unpacker.
 * @pid: the process, 0 when there is none.
 * @input: compressed bytes go in here, -1 when there is none.
 * @answer: an int comes out of here at its end.
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

/* unpack_known() - whether the first bytes are those of xz, gzip, zstd or bzip2. */
bool unpack_known(const void *bytes, size_t size);

/**
 * unpack_start() - begin.
 * @unpack: the unpacker.
 * @output: an empty file, which gets the unpacked bytes; its zeros become holes.
 * @err: the error.
 *
 * What is unpacked has not been verified yet. So a process of its own does it, which has no
 * descriptors but those that it needs, and of the kernel's calls only reading, writing and memory.
 *
 * Return: 0 or a negative errno.
 */
int unpack_start(struct unpack *unpack, int output, struct error *err);

/* unpack_write() - the next compressed bytes; what is wrong with them, unpack_end() tells. */
void unpack_write(struct unpack *unpack, const void *bytes, size_t size);

/**
 * unpack_end() - there are no more.
 * @err: what was wrong.
 *
 * Return: 0; -EBADMSG when the bytes are not well-formed; or a negative errno of writing.
 */
int unpack_end(struct unpack *unpack, struct error *err);

/* unpack_stop() - end it at once; legal when there is none. */
void unpack_stop(struct unpack *unpack);

#endif
