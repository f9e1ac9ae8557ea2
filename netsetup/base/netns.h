// SPDX-License-Identifier: GPL-2.0-or-later
// Names the directory of this network namespace below /run/vmrun.
#ifndef NETSETUP_BASE_NETNS_H
#define NETSETUP_BASE_NETNS_H

#include "netsetup/base/error.h"

#define NETNS_RUN_DIR "/run/vmrun"

/* Size of the path of a directory below NETNS_RUN_DIR, with its NUL. */
#define NETNS_DIR_SIZE 64

/**
 * netns_dir() - write the path of this network namespace's directory: "/run/vmrun/net-COOKIE", on
 * kernels before 5.14 "/run/vmrun/netns-INODE".
 *
 * Network namespaces share /run. Until the next boot the kernel does not reuse a namespace's cookie
 * (SO_NETNS_COOKIE, net/core/sock.c), but it does reuse inode numbers.
 *
 * Return: 0 or a negative errno.
 */
int netns_dir(char path[NETNS_DIR_SIZE], struct error *err);

#endif
