// SPDX-License-Identifier: GPL-2.0-or-later
// The integers of one interface under /proc/sys/net.
#ifndef NETSETUP_KERNEL_SYSCTL_H
#define NETSETUP_KERNEL_SYSCTL_H

#include <stddef.h>

#include "netsetup/base/error.h"

/**
 * struct sysctl - names one integer, "/proc/sys/net/TREE/IFNAME/KEY".
 * @tree: "ipv4/conf", "ipv4/neigh" or "ipv6/conf".
 * @ifname: ifname_valid(), or "all".
 * @key: such as "forwarding".
 */
struct sysctl {
	const char *tree;
	const char *ifname;
	const char *key;
};

/**
 * sysctl_read() - read a value.
 * @sysctl: its name.
 * @value: the value.
 * @err: ENOENT when the interface, or the kernel's feature, is not there.
 *
 * Return: 0 or a negative errno.
 */
int sysctl_read(const struct sysctl *sysctl, int *value, struct error *err);

/**
 * sysctl_write() - set a value.
 * @sysctl: its name.
 * @value: the value.
 * @err: as of sysctl_read(), or EPERM.
 *
 * Return: 0 or a negative errno.
 */
int sysctl_write(const struct sysctl *sysctl, int value, struct error *err);

/**
 * sysctl_name() - the name as sysctl(8) takes it: with dots, or with slashes when the interface's
 * name has a dot itself.
 * @sysctl: its name.
 * @text: room for the text.
 * @size: of @text in bytes.
 *
 * Return: text.
 */
const char *sysctl_name(const struct sysctl *sysctl, char *text, size_t size);

#endif
