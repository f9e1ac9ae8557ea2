// SPDX-License-Identifier: GPL-2.0-or-later
// Reads files of public SSH keys, as ssh-keygen(1) writes them.
#ifndef LAUNCHER_GUEST_SSH_KEY_H
#define LAUNCHER_GUEST_SSH_KEY_H

#include "netsetup/base/error.h"

/* Gets one key, "TYPE BASE64 COMMENT", without its newline. */
typedef int ssh_key_fn(const char *key, void *context);

/**
 * ssh_key_read() - read a file with one public key on each line. Empty lines and lines that begin
 * with '#' are skipped. Any other content is an error, above all a private key.
 * @each: called for each key; a negative errno ends the reading.
 * @context: passed to @each.
 * @err: names the file and the line.
 *
 * Return: 0, -EINVAL, the errno of @each, or the error of reading.
 */
int ssh_key_read(const char *path, ssh_key_fn *each, void *context, struct error *err);

#endif
