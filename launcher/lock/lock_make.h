// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the lock that a definition has now.
#ifndef LAUNCHER_LOCK_LOCK_MAKE_H
#define LAUNCHER_LOCK_LOCK_MAKE_H

#include "launcher/lock/lock.h"
#include "netsetup/base/error.h"

/**
 * lock_make() - find what each value stands for now: read files, ask QEMU.
 * @quiet: show no progress.
 * @lock: all zero before; empty it with lock_done() in any case.
 *
 * Return: 0 or a negative errno.
 */
int lock_make(const struct definition *definition, bool quiet, struct lock *lock,
	      struct error *err);

#endif
