// SPDX-License-Identifier: GPL-2.0-or-later
// What this program gives up before it reads what others wrote.
#ifndef LAUNCHER_IMAGE_SANDBOX_H
#define LAUNCHER_IMAGE_SANDBOX_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * confine_process() - no new privileges, no other program, no core file, no tracing; none of the
 * kernel's calls that only administrators' tools and exploits use; sockets for the Internet and
 * name services only.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int confine_process(struct error *err);

/**
 * confine_files() - write below one directory only, and read but there, the system's own
 * directories, and some files. Where the kernel has no Landlock, nothing is given up here.
 * @directory: a descriptor of that directory.
 * @files, @count: paths that may be read; those that are not there do not matter.
 * @err: the error.
 *
 * Return: 0 or a negative errno.
 */
int confine_files(int directory, const char *const files[], size_t count, struct error *err);

/**
 * confine_unpack() - the same for the process that unpacks: only these descriptors and the standard
 * ones, only reading, writing and memory, of which there is an end.
 * @input, @output, @answer: become other numbers.
 *
 * Return: 0 or a negative errno.
 */
int confine_unpack(int *input, int *output, int *answer);

#endif
