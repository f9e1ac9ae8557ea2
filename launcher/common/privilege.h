// SPDX-License-Identifier: GPL-2.0-or-later
// vmrun needs no privilege: what sudo, doas or pkexec gave it is given up for good.
#ifndef LAUNCHER_COMMON_PRIVILEGE_H
#define LAUNCHER_COMMON_PRIVILEGE_H

#include "netsetup/base/error.h"

/**
 * privilege_check() - refuse to be set-uid or set-gid; an early act of main, before anything is
 * read that the user names.
 * @err: the error.
 *
 * Return: 0 or -EPERM.
 */
int privilege_check(struct error *err);

/**
 * privilege_drop() - as root by sudo(8) (SUDO_UID, SUDO_GID), doas(1) (DOAS_USER) or pkexec(1)
 * (PKEXEC_UID): become the user who called it, and never root again.
 *
 * Identities, supplementary groups and capabilities are the user's, no program run from here on
 * gains privilege (no_new_privs), the umask is 077. HOME, USER, LOGNAME and SHELL are set from
 * passwd(5); XDG directories that are not the user's are taken out of the environment. Root that is
 * root by itself, or whose caller was root, stays root; any other user's process is left as it is.
 * @err: says which variable is wrong or which step failed.
 *
 * Return: 0; or a negative errno, after which the process must not go on.
 */
int privilege_drop(struct error *err);

#endif
