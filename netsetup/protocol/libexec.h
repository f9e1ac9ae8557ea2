// SPDX-License-Identifier: GPL-2.0-or-later
// Where vmrun's other programs are: beside it, or where an installation puts them.
#ifndef NETSETUP_PROTOCOL_LIBEXEC_H
#define NETSETUP_PROTOCOL_LIBEXEC_H

#include <limits.h>

#include "netsetup/base/error.h"

/**
 * libexec_find() - look for a helper beside this program (a build tree), then where an installation
 * has it relative to this program: in places that are as trusted as this program itself.
 * @name: of the helper.
 * @path: absolute.
 * @err: the error.
 *
 * Return: 0, -ENOENT, -EACCES when only others may run it, or another negative errno.
 */
int libexec_find(const char *name, char path[PATH_MAX], struct error *err);

#endif
