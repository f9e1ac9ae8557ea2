// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the policy from a file that only root can change.
#ifndef NETSETUP_POLICY_POLICY_FILE_H
#define NETSETUP_POLICY_POLICY_FILE_H

#include "netsetup/policy/policy.h"

/**
 * policy_file_read() - read the policy from its file.
 * @path: must be absolute; no component may be a symbolic link.
 * @policy: undefined after a failure.
 * @err: names the file, or the directory that lets other users change it.
 *
 * Return: 0, -ENOENT if there is none, or another negative errno.
 */
int policy_file_read(const char *path, struct policy *policy, struct error *err);

#endif
