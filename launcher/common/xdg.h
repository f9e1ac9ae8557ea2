// SPDX-License-Identifier: GPL-2.0-or-later
// Finds and makes the user's directories (XDG Base Directory Specification 0.8).
#ifndef LAUNCHER_COMMON_XDG_H
#define LAUNCHER_COMMON_XDG_H

#include "netsetup/base/error.h"

enum xdg_kind {
	XDG_DATA,    /* overlays: $XDG_DATA_HOME, else ~/.local/share */
	XDG_STATE,   /* address history: $XDG_STATE_HOME, else ~/.local/state */
	XDG_CACHE,   /* images by digest: $XDG_CACHE_HOME, else ~/.cache */
	XDG_RUNTIME, /* sockets: $XDG_RUNTIME_DIR, else /run/user/UID, else /tmp/vmrun-UID */
};

/**
 * xdg_dir() - return the path of one of vmrun's directories, without making it.
 *
 * A variable counts only if it is an absolute path to a directory that belongs to the user or that
 * the user can make: sudo may leave another user's variables in the environment. The home directory
 * is that of the user's entry in passwd(5); without an entry, $HOME under the same rule.
 * @name: a name below it, such as a VM's, or NULL.
 * @path: "BASE/vmrun" or "BASE/vmrun/NAME", allocated; the caller frees it.
 *
 * Return: 0, -ENOENT if the user has no home directory, or -ENOMEM.
 */
int xdg_dir(enum xdg_kind kind, const char *name, char **path, struct error *err);

/* xdg_home() - return the home directory of xdg_dir(), valid until the next call, or NULL. */
const char *xdg_home(void);

/**
 * xdg_each() - call a function for each VM that has a directory of a kind.
 * @fn: called with a valid VM name.
 * @context: passed to @fn.
 */
void xdg_each(enum xdg_kind kind, void (*fn)(const char *name, void *context), void *context);

/**
 * xdg_make() - make a directory and the missing ones above it, for the user alone (0700).
 *
 * The directory must belong to the user. Threat: another user makes a component first, in a
 * directory where every user can make files (/tmp). Check: such a component must be a directory,
 * not a symbolic link, belong to the user or root, and be writable by no other user.
 * @path: absolute.
 * @err: names the directory that was refused.
 *
 * Return: 0 or a negative errno.
 */
int xdg_make(const char *path, struct error *err);

#endif
