// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a lock from the current state of a definition's files.
#ifndef LAUNCHER_LOCK_LOCK_MAKE_H
#define LAUNCHER_LOCK_LOCK_MAKE_H

#include "launcher/lock/lock.h"
#include "netsetup/base/error.h"

/**
 * lock_make() - find the current value of each text: read the files and query QEMU.
 * @quiet: true to show no progress.
 * @lock: must be all zero; empty it with lock_done() in any case.
 *
 * Return: 0 or a negative errno.
 */
int lock_make(const struct definition *definition, bool quiet, struct lock *lock,
	      struct error *err);

#endif
