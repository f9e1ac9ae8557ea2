// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a second installation of vmrun on this host.
#ifndef LAUNCHER_COMMON_INSTALLATION_H
#define LAUNCHER_COMMON_INSTALLATION_H

#include <stdbool.h>

#include "netsetup/base/error.h"

/**
 * installation_add_remedy() - name the other installed vmrun, if this process runs one of two: that
 * in /usr/local comes first in the usual $PATH, and a package's has more rights.
 *
 * Return: true if there is another.
 */
bool installation_add_remedy(struct error *err);

#endif
