// SPDX-License-Identifier: GPL-2.0-or-later
// Adds the guest's address to its kernel's command line.
#ifndef LAUNCHER_GUEST_KERNEL_CMDLINE_H
#define LAUNCHER_GUEST_KERNEL_CMDLINE_H

#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/**
 * kernel_cmdline_build() - return the user's command line, with the guest's address if configured.
 *
 * The function adds `ip=CLIENT::GATEWAY:NETMASK:HOSTNAME::off:DNS0:DNS1` (the kernel's
 * Documentation/admin-guide/nfs/nfsroot.rst; at most two servers). It is the last word, but before
 * a word `--`, since init gets the words after that. A command line with a word `ip=...` stays as
 * it is: the user's address takes precedence.
 * @plan: if card's place is NULL, the words ADDRESS, GATEWAY and NETMASK stand for the address.
 * @cmdline: the text; the caller frees it.
 *
 * Return: 0 or -ENOMEM.
 */
int kernel_cmdline_build(const struct machine_plan *plan, char **cmdline, struct error *err);

#endif
