// SPDX-License-Identifier: GPL-2.0-or-later
// The guest kernel's command line with its address.
#ifndef LAUNCHER_GUEST_KERNEL_CMDLINE_H
#define LAUNCHER_GUEST_KERNEL_CMDLINE_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * cmdline_build() - the user's command line, and the guest's address where it is to be told so.
 *
 * Added is `ip=CLIENT::GATEWAY:NETMASK:HOSTNAME::off:DNS0:DNS1` (the kernel's
 * Documentation/admin-guide/nfs/nfsroot.rst; it takes at most two servers), as the last word, but
 * before a word `--`, after which everything is init's. A command line that has a word `ip=...`
 * already is left alone: who writes one knows better.
 * @plan: the VM and its place on the LAN; without @lan the words ADDRESS, GATEWAY and NETMASK.
 * @cmdline: the text, allocated; the caller frees it.
 * @err: the error.
 *
 * Return: 0 or -ENOMEM.
 */
int cmdline_build(const struct machine_plan *plan, char **cmdline, struct error *err);

#endif
