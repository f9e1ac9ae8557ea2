// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts this program before it reads untrusted bytes.
#ifndef LAUNCHER_IMAGE_SANDBOX_H
#define LAUNCHER_IMAGE_SANDBOX_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * sandbox_process() - restrict the process. Threat: untrusted bytes take it over. It then gains no
 * privilege, runs no other program, writes no core file and cannot be traced. It has no system call
 * that only administrators' tools and exploits use, and only Internet and name service sockets.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_process(struct error *err);

/**
 * sandbox_files() - allow writing below one directory only, and reading there, in the system's
 * directories and of some files. Does nothing if the kernel has no Landlock.
 * @directory: descriptor of the writable directory.
 * @files, @count: paths that it may read; missing ones are skipped.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_files(int directory, const char *const files[], size_t count, struct error *err);

/**
 * sandbox_unpack() - restrict the unpacking process to these and the standard descriptors, to
 * reading, writing and allocating, and to UNPACK_MEMORY.
 * @input, @output, @answer: get new numbers.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_unpack(int *input, int *output, int *answer);

#endif
