// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes an interface's integers under /proc/sys/net.
#ifndef NETSETUP_KERNEL_SYSCTL_H
#define NETSETUP_KERNEL_SYSCTL_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * struct sysctl - the name of one integer, "/proc/sys/net/TREE/IFNAME/KEY".
 * @tree: "ipv4/conf", "ipv4/neigh" or "ipv6/conf".
 * @ifname: ifname_valid(), "all" or "default".
 * @key: such as "forwarding".
 */
struct sysctl {
	const char *tree;
	const char *ifname;
	const char *key;
};

/**
 * sysctl_read() - read a value.
 *
 * Return: 0, -ENOENT if the interface or kernel feature is missing, or another negative errno.
 */
int sysctl_read(const struct sysctl *sysctl, int *value, struct error *err);

/**
 * sysctl_write() - write a value.
 *
 * Return: 0; the errors of sysctl_read(); or -EPERM.
 */
int sysctl_write(const struct sysctl *sysctl, int value, struct error *err);

/**
 * sysctl_name() - write the name for sysctl(8): with dots, or with slashes if the interface's name
 * contains a dot.
 * @text: @size bytes.
 *
 * Return: text.
 */
const char *sysctl_name(const struct sysctl *sysctl, char *text, size_t size);

#endif
