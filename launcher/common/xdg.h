// SPDX-License-Identifier: GPL-2.0-or-later
// Where the user's files are (XDG Base Directory Specification 0.8).
#ifndef LAUNCHER_COMMON_XDG_H
#define LAUNCHER_COMMON_XDG_H

#include "netsetup/base/error.h"

enum xdg_kind {
	XDG_DATA,    /* overlays: $XDG_DATA_HOME, else ~/.local/share */
	XDG_STATE,   /* remembered addresses: $XDG_STATE_HOME, else ~/.local/state */
	XDG_CACHE,   /* images by digest: $XDG_CACHE_HOME, else ~/.cache */
	XDG_RUNTIME, /* sockets: $XDG_RUNTIME_DIR, else /run/user/UID, else /tmp/vmrun-UID */
};

/**
 * xdg_dir() - the path of one of vmrun's own directories; nothing is made.
 *
 * A variable counts only if it is an absolute path to a directory that belongs to the user, or to
 * one that the user could make: sudo may leave those of another user in the environment. The home
 * directory is that of the user's entry in passwd(5); without an entry, $HOME under the same rule.
 * @kind: which.
 * @name: a name below it, such as a VM's, or NULL.
 * @path: "BASE/vmrun" or "BASE/vmrun/NAME", allocated; the caller frees it.
 * @err: the error.
 *
 * Return: 0, -ENOENT when the user has no home, or -ENOMEM.
 */
int xdg_dir(enum xdg_kind kind, const char *name, char **path, struct error *err);

/* xdg_home() - the user's home directory, see xdg_dir(); until the next call, NULL without one. */
const char *xdg_home(void);

/**
 * xdg_each() - call a function for each of the VMs that have a directory of their own.
 * @kind: of the directories.
 * @fn: told a valid name of a VM.
 * @context: passed to it.
 */
void xdg_each(enum xdg_kind kind, void (*fn)(const char *name, void *context), void *context);

/**
 * xdg_make() - make a directory and those above it that are missing, for the user alone (0700).
 *
 * The directory must end up as the user's own. On the way, what lies in a directory where everybody
 * can make files (/tmp) must be a directory, no symbolic link, of the user's or root's and writable
 * by no one else: else another user could have put it there first.
 * @path: absolute.
 * @err: names the directory that is in the way.
 *
 * Return: 0 or a negative errno.
 */
int xdg_make(const char *path, struct error *err);

#endif
