// SPDX-License-Identifier: GPL-2.0-or-later
// Drops for good the root privilege that sudo, doas or pkexec gave to vmrun.
#ifndef LAUNCHER_COMMON_PRIVILEGE_H
#define LAUNCHER_COMMON_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "netsetup/base/error.h"

/* The user of the VMs that root itself starts, whom the package makes, and its XDG_RUNTIME_DIR. */
#define PRIVILEGE_ROOT_USER        "vmrun"
#define PRIVILEGE_ROOT_RUNTIME_DIR "/run/vmrun-root"

/**
 * privilege_check() - refuse to run set-uid or set-gid; main calls it before it reads anything that
 * the user names.
 *
 * Return: 0 or -EPERM.
 */
int privilege_check(struct error *err);

/**
 * privilege_drop() - become the user who called sudo(8) (SUDO_UID, SUDO_GID), doas(1) (DOAS_USER)
 * or pkexec(1) (PKEXEC_UID), and never root again.
 *
 * The process gets this user's IDs, supplementary groups and capabilities, the umask 077, and
 * no_new_privs, so that no program it runs gains privilege. More than one of these variables is an
 * error, and so is a SUDO_GID that is no group of that user. HOME, USER, LOGNAME and SHELL come
 * from passwd(5). XDG directories of other users are removed from the environment. Root without
 * such a variable, or called by root, becomes PRIVILEGE_ROOT_USER. The process of any other user
 * does not change.
 * @keep_root: if root itself has called, stay root.
 *
 * Return: 0; or a negative errno, after which the process must not continue.
 */
int privilege_drop(bool keep_root, struct error *err);

/**
 * privilege_become() - as privilege_drop(), but become another user than the caller.
 * @uid: not root's.
 *
 * Return: 0; or a negative errno, after which the process must not continue.
 */
int privilege_become(uid_t uid, struct error *err);

#endif
