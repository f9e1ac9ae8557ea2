// SPDX-License-Identifier: GPL-2.0-or-later
// Reads standard input to its end.
#ifndef LAUNCHER_COMMON_INPUT_H
#define LAUNCHER_COMMON_INPUT_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * input_read() - read standard input to its end.
 * @max: number of bytes after which the rest is left unread.
 * @data: at most @max bytes, allocated; the caller frees it.
 *
 * Return: 0; -EINTR without a message if a signal asks this process to end, with the status for it;
 * or another negative errno.
 */
int input_read(size_t max, char **data, size_t *size, struct error *err);

#endif
