// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts this program before it reads untrusted bytes.
#ifndef LAUNCHER_IMAGE_SANDBOX_H
#define LAUNCHER_IMAGE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "netsetup/base/error.h"

/**
 * sandbox_process() - restrict the process. Threat: untrusted bytes take it over. It then gains no
 * privilege, writes no core file, cannot be traced, and has only the calls of calls_filter().
 *
 * Return: 0 or a negative errno.
 */
int sandbox_process(struct error *err);

/**
 * struct sandbox - the files and ports that the process may reach.
 * @directory: descriptor of the only writable directory. It may also read the system's directories.
 *             -1: files are not restricted.
 * @files, @file_count: paths that it may read; missing ones are skipped.
 * @ports, @port_count: TCP ports that it may connect to, beside that of name servers.
 */
struct sandbox {
	int directory;
	const char *const *files;
	size_t file_count;
	const uint16_t *ports;
	size_t port_count;
};

/**
 * sandbox_enter() - restrict files, TCP ports, abstract sockets and signals as far as the kernel's
 * Landlock can. With no port, not even that of name servers is allowed.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_enter(const struct sandbox *sandbox, struct error *err);

/**
 * sandbox_unpack() - restrict the unpacking process to these and the standard descriptors, to
 * reading, writing and allocating, and to UNPACK_MEMORY.
 * @input, @output, @answer: get new numbers.
 *
 * Return: 0 or a negative errno.
 */
int sandbox_unpack(int *input, int *output, int *answer);

#endif
