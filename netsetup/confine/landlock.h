// SPDX-License-Identifier: GPL-2.0-or-later
// The few files that netsetup reaches, whatever its user may reach (Landlock).
#ifndef NETSETUP_CONFINE_LANDLOCK_H
#define NETSETUP_CONFINE_LANDLOCK_H

#include "netsetup/base/error.h"

/**
 * landlock_confine() - from now on this process and its children open only what the table in
 * landlock.c names; connect to nothing by TCP; signal no other process.
 * @err: the error.
 *
 * User 0 without capabilities still owns root's files: this is what keeps them from a helper that
 * was taken over. To be called after lease_dir_hold(), with no_new_privs set. A kernel before 5.13, or
 * one that was started without Landlock, has none of it: then nothing is done.
 *
 * Return: 0; or a negative errno, after which the process must not go on.
 */
int landlock_confine(struct error *err);

#endif
