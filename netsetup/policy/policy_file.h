// SPDX-License-Identifier: GPL-2.0-or-later
// The file that holds the policy: root's, and nobody else's to change.
#ifndef NETSETUP_POLICY_POLICY_FILE_H
#define NETSETUP_POLICY_POLICY_FILE_H

#include "netsetup/policy/policy.h"

/**
 * policy_file_read() - read the policy from its file.
 * @path: absolute; no part of it may be a symbolic link.
 * @policy: the statements.
 * @err: names the file, or the directory that others than root could change it through.
 *
 * Return: 0, -ENOENT when there is none, or another negative errno.
 */
int policy_file_read(const char *path, struct policy *policy, struct error *err);

#endif
