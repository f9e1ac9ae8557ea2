// SPDX-License-Identifier: GPL-2.0-or-later
// Public SSH keys, as ssh-keygen(1) writes them.
#ifndef LAUNCHER_GUEST_SSH_KEY_H
#define LAUNCHER_GUEST_SSH_KEY_H

#include "netsetup/base/error.h"

/* Told each key: "TYPE BASE64 COMMENT", one line without its end. */
typedef int ssh_key_fn(const char *key, void *context);

/**
 * ssh_key_read() - read a file of public keys: one on each line; empty lines and lines that begin
 * with '#' are skipped, everything else is an error, a private key above all.
 * @path: of the file.
 * @each: called for each key; a negative errno ends the reading.
 * @context: passed to @each.
 * @err: names the file and the line.
 *
 * Return: 0, -EINVAL, what @each returned, or the error of reading.
 */
int ssh_key_read(const char *path, ssh_key_fn *each, void *context, struct error *err);

#endif
