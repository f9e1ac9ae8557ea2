// SPDX-License-Identifier: GPL-2.0-or-later
// Finds vmrun's helper programs beside it or in their installed directory.
#ifndef NETSETUP_PROTOCOL_LIBEXEC_H
#define NETSETUP_PROTOCOL_LIBEXEC_H

#include <limits.h>

#include "netsetup/base/error.h"

/* libexec_directory() - find this program's own directory. Return: 0 or a negative errno. */
int libexec_directory(char path[PATH_MAX], struct error *err);

/**
 * libexec_find() - find a helper in this program's directory (a build tree), then in the installed
 * directory relative to it. Both are as trusted as this program itself.
 * @name: file name of the helper.
 * @path: its absolute path.
 *
 * Return: 0, -ENOENT, -EACCES if the caller may not run it, or another negative errno.
 */
int libexec_find(const char *name, char path[PATH_MAX], struct error *err);

#endif
