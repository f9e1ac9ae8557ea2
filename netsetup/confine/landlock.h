// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the few files that it needs (Landlock).
#ifndef NETSETUP_CONFINE_LANDLOCK_H
#define NETSETUP_CONFINE_LANDLOCK_H

#include "netsetup/base/error.h"

/**
 * landlock_confine() - let the service open only the files of its table in landlock.c, connect to
 * nothing by TCP and send no signal to another process.
 *
 * Threat: user 0 without capabilities still owns root's files, so a hijacked process could change
 * them. Must be called after state_open() and with no_new_privs set. Does nothing on a kernel
 * before 5.13 or one that was started without Landlock.
 *
 * Return: 0, or a negative errno, after which the process must exit.
 */
int landlock_confine(struct error *err);

/* landlock_confine_maker() - the same for the maker: taps, and the values of interfaces. */
int landlock_confine_maker(struct error *err);

/* landlock_confine_worker() - the same without any file. */
int landlock_confine_worker(struct error *err);

#endif
