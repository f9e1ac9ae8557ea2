// SPDX-License-Identifier: GPL-2.0-or-later
// Names the directory of this network namespace below /run/vmrun.
#ifndef NETSETUP_KERNEL_NETNS_H
#define NETSETUP_KERNEL_NETNS_H

#include "netsetup/base/error.h"

#define RUNDIR_PATH "/run/vmrun"

/* Room for the path of a directory below RUNDIR_PATH. */
#define RUNDIR_PATH_SIZE 64

/**
 * netns_dir() - write the path of this network namespace's directory: "/run/vmrun/net-COOKIE", on
 * kernels before 5.14 "/run/vmrun/netns-INODE".
 * @path: the path.
 *
 * Network namespaces share /run. The namespace's cookie (SO_NETNS_COOKIE, net/core/sock.c), unlike
 * its inode number, is not used again until the next boot.
 *
 * Return: 0 or a negative errno.
 */
int netns_dir(char path[RUNDIR_PATH_SIZE], struct error *err);

#endif
